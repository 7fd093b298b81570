import { Button } from '@mantine/core';
import type { RouteResponse } from '../../../server/api/contract.ts';
import { useRepairDamaged, useScrub, useStartScrub, useStopScrub } from '../../api/queries.ts';
import { ErrorState, LoadingState } from '../../components/empty-state.tsx';
import { ErrorNote, Note } from '../../components/error-note.tsx';
import { KeyValue } from '../../components/key-value.tsx';
import { Meter } from '../../components/meter.tsx';
import { Section } from '../../components/page.tsx';
import { TimeAgo } from '../../components/time-ago.tsx';
import { formatBytes, formatCount, formatPlural } from '../../format.ts';
import { DamagedList } from './damaged-list.tsx';

type Scrub = RouteResponse<'getScrub'>;

/** Reading stored content again: how far it is, what was found damaged, and what that breaks. */
export function ScrubPanel() {
  const { data, error, refetch } = useScrub();
  return (
    <Section
      title="Scrub"
      aside={data === undefined ? null : <RoundButton isRunning={data.running} isBegun={isOpen(data)} />}
    >
      <div className="panel panel-body stack">
        <p className="muted">
          Everything stored is read again and compared with its digest. What rotted is set aside at once, and fetched
          again from its upstream.
        </p>
        {data !== undefined ? (
          <ScrubState state={data} />
        ) : error === null ? (
          <LoadingState label="Reading how the scrub stands" lines={3} />
        ) : (
          <ErrorState title="The scrub could not be read" error={error} onRetry={() => void refetch()} />
        )}
      </div>
    </Section>
  );
}

/** A round that has not come to its end. */
function isOpen({ startedAt, lastFinishedAt = 0 }: Scrub): boolean {
  return startedAt !== undefined && lastFinishedAt < startedAt;
}

function RoundButton({ isRunning, isBegun }: { readonly isRunning: boolean; readonly isBegun: boolean }) {
  const start = useStartScrub();
  const stop = useStopScrub();
  return (
    <div className="row">
      <ErrorNote error={start.error ?? stop.error} />
      {isRunning ? (
        <Button
          size="compact-sm"
          variant="default"
          loading={stop.isPending}
          onClick={() => {
            stop.mutate({ body: {} });
          }}
        >
          Stop
        </Button>
      ) : (
        <Button
          size="compact-sm"
          variant="default"
          loading={start.isPending}
          onClick={() => {
            start.mutate({ body: {} });
          }}
        >
          {isBegun ? 'Go on' : 'Scrub now'}
        </Button>
      )}
    </div>
  );
}

function ScrubState({ state }: { readonly state: Scrub }) {
  const { problem, damaged, running, lastFinishedAt, nextAt, startedAt } = state;
  return (
    <>
      {problem === undefined ? null : (
        <Note tone="bad">The round could not go on: {problem}. It is tried again within an hour.</Note>
      )}
      {isOpen(state) ? <Progress state={state} /> : null}
      <KeyValue
        facts={[
          ['State', stateWord(state)],
          ['This round began', startedAt === undefined || !isOpen(state) ? undefined : <TimeAgo at={startedAt} />],
          ['Everything was last proved', <TimeAgo key="last" at={lastFinishedAt} />],
          ['Next round', running || nextAt === undefined ? undefined : <TimeAgo at={nextAt} />],
        ]}
      />
      {damaged.length === 0 ? null : <Damaged state={state} />}
    </>
  );
}

function stateWord(state: Scrub): string {
  if (state.running) return 'Reading';
  return isOpen(state) ? 'Stopped before its end' : 'Waiting for its time';
}

function Progress({ state }: { readonly state: Scrub }) {
  const { checkedBlobs, totalBlobs, checkedBytes, totalBytes } = state;
  const text = `${formatBytes(checkedBytes)} of ${formatBytes(totalBytes)} read, ${formatCount(checkedBlobs)} of ${formatPlural(totalBlobs, 'blob', 'blobs')}`;
  return (
    <div className="stack-small">
      <Meter
        label="Read in this round"
        text={text}
        share={totalBytes === 0 ? 0 : checkedBytes / totalBytes}
        tone="accent"
      />
      <span className="tabular small">{text}</span>
    </div>
  );
}

function Damaged({ state }: { readonly state: Scrub }) {
  const repair = useRepairDamaged();
  return (
    <div className="stack-small">
      <div className="spread">
        <h3>Damaged content</h3>
        {state.unrepaired === 0 ? null : (
          <Button
            size="compact-sm"
            variant="default"
            loading={repair.isPending}
            onClick={() => {
              repair.mutate({ body: {} });
            }}
          >
            Repair now
          </Button>
        )}
      </div>
      <ErrorNote error={repair.error} />
      <span role="status" className="visually-hidden">
        {repair.isSuccess ? `${formatPlural(repair.data.unrepaired, 'piece is', 'pieces are')} still damaged` : ''}
      </span>
      <DamagedList damaged={state.damaged} />
    </div>
  );
}
