import { Checkbox } from '@mantine/core';
import type { RouteResponse } from '../../../server/api/contract.ts';
import { Note } from '../../components/error-note.tsx';
import styles from './zot-import.module.css';

type Entry = RouteResponse<'previewZotConfig'>['entries'][number];

interface ZotEntryProps {
  readonly entry: Entry;
  readonly isChosen: boolean;
  readonly isLocked: boolean;
  readonly onChoose: (isChosen: boolean) => void;
}

/** What one registry of a zot configuration becomes; one that replaces an upstream is chosen by hand only. */
export function ZotEntry({ entry, isChosen, isLocked, onChoose }: ZotEntryProps) {
  const { name, urls, conflict } = entry;
  return (
    <li className={`panel ${styles['entry'] ?? ''}`}>
      <Checkbox
        label={conflict === undefined ? name : `${name} – replace the one that is there`}
        description={urls.join(', ')}
        checked={isChosen}
        disabled={isLocked}
        onChange={(event) => {
          onChoose(event.currentTarget.checked);
        }}
      />
      <div className="stack-small">
        <ul className={styles['rules']}>
          {entry.rules.map((rule) => (
            <Rule key={`${rule.text} ${rule.tags ?? ''}`} entry={entry} rule={rule} />
          ))}
        </ul>
        <div className="muted small">
          {entry.isFetched
            ? 'Fetched when somebody asks for it.'
            : 'Nothing is fetched: only what is held here is served.'}
          {entry.account === undefined ? null : ` Logs in as ${entry.account}.`}
        </div>
      </div>
      {conflict === undefined ? null : (
        <Note tone="warn">
          {name} is among the upstreams already. Replacing it changes <code>{conflict.changes}</code>; its accounts
          stay.
        </Note>
      )}
      {entry.notHonoured.length === 0 ? null : <NotHonoured items={entry.notHonoured} />}
    </li>
  );
}

function Rule({ entry, rule }: { readonly entry: Entry; readonly rule: Entry['rules'][number] }) {
  const { example, tags } = rule;
  return (
    <li>
      <code>{rule.text}</code>
      <div className="muted small">
        {example === undefined ? null : (
          <>
            e.g. {entry.name}/{example.upstream} is pulled as <strong>{example.here}</strong>
            {tags === undefined ? '.' : '; '}
          </>
        )}
        {tags === undefined ? null : `only tags ${tags}.`}
      </div>
    </li>
  );
}

/** Keys that are not done as zot would, each with the reason. */
export function NotHonoured({ items }: { readonly items: Entry['notHonoured'] }) {
  return (
    <div className={styles['unhonoured']}>
      <Note tone="info">
        Not as zot does it:
        <ul>
          {items.map(({ key, why }) => (
            <li key={key}>
              <code>{key}</code>: {why}.
            </li>
          ))}
        </ul>
      </Note>
    </div>
  );
}
