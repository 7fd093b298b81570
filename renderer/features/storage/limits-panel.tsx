import { useState } from 'react';
import { Button, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { routes } from '../../../server/api/contract.ts';
import type { RouteResponse } from '../../../server/api/contract.ts';
import { useEvictions, useSetStorage, useStorage } from '../../api/queries.ts';
import { ErrorState, LoadingState } from '../../components/empty-state.tsx';
import { ErrorNote, Note } from '../../components/error-note.tsx';
import { Section } from '../../components/page.tsx';
import { formatBytes, formatPlural } from '../../format.ts';
import { evictionName } from './eviction-words.ts';
import styles from './storage.module.css';

type Settings = RouteResponse<'getStorage'>['settings'];
type Preview = RouteResponse<'listEvictions'>;

/** Names that are shown of what would go. */
const shownNames = 100;
const typingMs = 350;

/** The cap and the floor, and what a change of them would cost before it is saved. */
export function LimitsPanel() {
  const { data, error, refetch } = useStorage();
  return (
    <Section title="Limits">
      <div className="panel panel-body stack">
        {data !== undefined ? (
          <LimitsForm key={`${data.settings.storageCap} ${data.settings.freeSpaceFloor}`} storage={data} />
        ) : error === null ? (
          <LoadingState label="Reading the limits" lines={2} />
        ) : (
          <ErrorState title="The limits could not be read" error={error} onRetry={() => void refetch()} />
        )}
      </div>
    </Section>
  );
}

function LimitsForm({ storage }: { readonly storage: RouteResponse<'getStorage'> }) {
  const { settings, locked } = storage;
  const limits = useLimits(settings);
  const saving = useSetStorage();
  const { preview, problems } = limits;
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (preview !== undefined) saving.mutate({ body: changesOf(settings, limits.written) });
      }}
    >
      <div className={styles['limits']}>
        <TextInput
          label="Storage cap"
          description="Most that is kept, e.g. 50 GiB; empty: no cap. What was pulled longest ago goes first."
          placeholder="no cap"
          value={limits.cap}
          disabled={locked.includes('storageCap')}
          error={problems.cap}
          onChange={(event) => {
            limits.setCap(event.currentTarget.value);
          }}
        />
        <TextInput
          label="Free-space floor"
          description="So much stays free on the disk; below it cached content goes, then nothing new is kept."
          value={limits.floor}
          disabled={locked.includes('freeSpaceFloor')}
          error={problems.floor}
          onChange={(event) => {
            limits.setFloor(event.currentTarget.value);
          }}
        />
      </div>
      {locked.some((name) => name === 'storageCap' || name === 'freeSpaceFloor') ? (
        <Note tone="info">A greyed limit is given by a flag or the settings file; change it there.</Note>
      ) : null}
      <div aria-live="polite">
        {preview === undefined ? null : <LimitsPreview preview={preview} />}
        {limits.isAsking ? <LoadingState label="Counting what would go" lines={1} /> : null}
      </div>
      <ErrorNote error={limits.error ?? saving.error} />
      <div className="row">
        <Button
          type="submit"
          disabled={preview === undefined}
          loading={saving.isPending}
          color={costs(preview) ? 'red' : 'teal'}
        >
          {saveLabel(preview)}
        </Button>
        {limits.isChanged ? (
          <Button variant="default" onClick={limits.discard}>
            Discard
          </Button>
        ) : null}
      </div>
    </form>
  );
}

/** What is written into the form, and what saving it would cost; asked for when the typing rests. */
function useLimits(settings: Settings) {
  const [cap, setCap] = useState(shownCap(settings));
  const [floor, setFloor] = useState(settings.freeSpaceFloor);
  const written = { cap: cap.trim() === '' ? '0 B' : cap.trim(), floor: floor.trim() };
  const text = `${written.cap}|${written.floor}`;
  const [asked] = useDebouncedValue(text, typingMs);
  const isChanged = written.cap !== settings.storageCap || written.floor !== settings.freeSpaceFloor;
  const problems = problemsOf(written);
  const isRight = problems.cap === undefined && problems.floor === undefined;
  const mayAsk = isChanged && isRight && asked === text;
  const { data, error, isPlaceholderData } = useEvictions({ ...written, limit: shownNames }, mayAsk);
  const preview = mayAsk && !isPlaceholderData ? data : undefined;
  return {
    cap,
    setCap,
    floor,
    setFloor,
    written,
    problems,
    isChanged,
    preview,
    isAsking: isChanged && isRight && preview === undefined && error === null,
    error: mayAsk ? error : null,
    discard: () => {
      setCap(shownCap(settings));
      setFloor(settings.freeSpaceFloor);
    },
  };
}

function LimitsPreview({ preview }: { readonly preview: Preview }) {
  const { rows, total, bytes, more, shortBytes } = preview;
  if (total === 0 && shortBytes === 0) return <Note tone="ok">Nothing goes: what is kept is within these limits.</Note>;
  return (
    <div className="stack-small">
      {shortBytes === 0 ? null : (
        <Note tone="warn">
          That is not enough by {formatBytes(shortBytes)}: the rest is pinned, pushed or on its way in. New content is
          passed on without being kept, and pushes are refused.
        </Note>
      )}
      {total === 0 ? null : (
        <>
          <Note tone="warn">
            {more ? 'At least ' : ''}
            {formatPlural(total, 'image goes', 'images go')} at once when this is saved; {formatBytes(bytes)} become
            free. It cannot be undone, but all of it can be pulled again from its upstream.
          </Note>
          <ul className={`${styles['names'] ?? ''} small`} aria-label="What would go at once" tabIndex={0}>
            {rows.map((row) => (
              <li key={`${row.repository} ${row.digest}`}>
                <span>{evictionName(row)}</span>
                <span className="tabular muted">{formatBytes(row.bytes)}</span>
              </li>
            ))}
          </ul>
          {total > rows.length ? (
            <span className="muted small">and {formatPlural(total - rows.length, 'other', 'others')}</span>
          ) : null}
        </>
      )}
    </div>
  );
}

function costs(preview: Preview | undefined): boolean {
  return preview !== undefined && preview.total > 0;
}

function saveLabel(preview: Preview | undefined): string {
  if (preview === undefined || preview.total === 0) return 'Save';
  return `Save and evict ${preview.more ? 'them' : formatPlural(preview.total, 'image', 'images')}`;
}

function shownCap({ storageCap }: Settings): string {
  return storageCap === '0 B' ? '' : storageCap;
}

function problemsOf(written: { readonly cap: string; readonly floor: string }): {
  readonly cap: string | undefined;
  readonly floor: string | undefined;
} {
  const { error } = routes.listEvictions.query.safeParse(written);
  const of = (name: string): string | undefined => error?.issues.find((issue) => issue.path[0] === name)?.message;
  return { cap: of('cap'), floor: of('floor') };
}

function changesOf(
  settings: Settings,
  written: { readonly cap: string; readonly floor: string },
): { storageCap?: string; freeSpaceFloor?: string } {
  return {
    ...(written.cap === settings.storageCap ? {} : { storageCap: written.cap }),
    ...(written.floor === settings.freeSpaceFloor ? {} : { freeSpaceFloor: written.floor }),
  };
}
