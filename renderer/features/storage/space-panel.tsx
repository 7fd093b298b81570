import type { ReactNode } from 'react';
import type { RouteResponse } from '../../../server/api/contract.ts';
import { useStorage } from '../../api/queries.ts';
import { ErrorState, LoadingState } from '../../components/empty-state.tsx';
import { Note } from '../../components/error-note.tsx';
import { Section } from '../../components/page.tsx';
import { formatBytes, formatPlural } from '../../format.ts';
import { spaceBar } from './space-bar.ts';
import type { SpacePart } from './space-bar.ts';
import styles from './storage.module.css';

type Storage = RouteResponse<'getStorage'>;

/** What fills the disk, beside what bounds it. */
export function SpacePanel() {
  const { data, error, refetch } = useStorage();
  return (
    <Section title="Space">
      <div className="panel panel-body stack">
        {data !== undefined ? (
          <Space storage={data} />
        ) : error === null ? (
          <LoadingState label="Reading how full the disk is" lines={3} />
        ) : (
          <ErrorState title="The disk could not be read" error={error} onRetry={() => void refetch()} />
        )}
      </div>
    </Section>
  );
}

function Space({ storage }: { readonly storage: Storage }) {
  const { parts, marks } = spaceBar(storage);
  return (
    <>
      <Remarks storage={storage} />
      <div className={styles['barFrame']}>
        <div className={styles['bar']} aria-hidden="true">
          {parts.map((part) => (
            <div
              key={part.id}
              className={`${styles['part'] ?? ''} ${styles[part.id] ?? ''}`}
              style={{ flexGrow: part.share }}
            />
          ))}
        </div>
        {marks.map((mark) => (
          <div
            key={mark.id}
            className={styles['mark']}
            style={{ insetInlineStart: `${String(mark.share * 100)}%` }}
            aria-hidden="true"
          />
        ))}
      </div>
      <ul className={styles['legend']} aria-label="What the space is for">
        {parts.map((part) => (
          <Legend key={part.id} part={part} />
        ))}
        {marks.length === 0 ? null : (
          <li>
            <span className={styles['line']} aria-hidden="true" />
            {marks.map((mark) => mark.label).join(' and ')}
          </li>
        )}
      </ul>
      <p className="muted small tabular">{boundsSentence(storage)}</p>
    </>
  );
}

function Legend({ part }: { readonly part: SpacePart }) {
  return (
    <li>
      <span className={`${styles['swatch'] ?? ''} ${styles[part.id] ?? ''}`} aria-hidden="true" />
      <span>
        {part.label} <strong className="tabular">{formatBytes(part.bytes)}</strong>
        {part.note === undefined ? null : <span className="muted small"> {part.note}</span>}
      </span>
    </li>
  );
}

/** The limits in words; the marks in the bar say the same. */
function boundsSentence({ capBytes, floorBytes, usedBytes, evictedBytes, evictedImages, ...of }: Storage): string {
  const cap =
    capBytes === 0
      ? 'No cap: only the free-space floor bounds what is kept.'
      : `${formatBytes(usedBytes)} of the cap of ${formatBytes(capBytes)} are used.`;
  const evicted =
    evictedImages === 0
      ? ''
      : ` Since the start ${formatPlural(evictedImages, 'image', 'images')} went to make room, ${formatBytes(evictedBytes)} in all.`;
  const kept = `Of what is kept ${formatBytes(of.pinnedBytes)} are pinned, and ${formatBytes(of.keptBytes)} are there only to go back to.`;
  return `${cap} ${formatBytes(floorBytes)} stay free on the disk. ${kept}${evicted}`;
}

function Remarks({ storage }: { readonly storage: Storage }): ReactNode {
  const { housekeeping, refusal, capBytes, pushedBytes } = storage;
  const running = housekeeping.running?.task === 'eviction' ? housekeeping.running : undefined;
  if (running !== undefined)
    return (
      <div role="status">
        <Note tone="info">
          Making room: {formatBytes(running.done)}
          {running.total === undefined ? '' : ` of ${formatBytes(running.total)}`} are free again.
        </Note>
      </div>
    );
  if (capBytes > 0 && pushedBytes > capBytes)
    return (
      <Note tone="bad">
        Pushed content alone is larger than the cap, and it never goes by itself: nothing new is kept. Raise the cap, or
        delete pushed content in Cache.
      </Note>
    );
  if (refusal === undefined) return null;
  return (
    <Note tone="warn">
      {refusal.limit === 'cap'
        ? 'The last blob found no room under the cap: what is left is pinned or pushed, or the blob is larger than the cap.'
        : 'The last blob found no room: the disk would fall below the free-space floor, and nothing is left that may go.'}{' '}
      Pulls still work, without being kept.
    </Note>
  );
}
