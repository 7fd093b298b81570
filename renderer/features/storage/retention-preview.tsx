import type { RouteResponse } from '../../../server/api/contract.ts';
import { Note } from '../../components/error-note.tsx';
import { formatBytes, formatCount, formatDateTime, formatPlural, shortArtifact } from '../../format.ts';
import styles from './retention.module.css';

type Result = RouteResponse<'applyRetention'>;

/** Names listed before the rest is only counted. */
const namesShown = 50;

/** What rules would remove: names, why, and bytes; what stays, on demand. */
export function RetentionResult({ result }: { readonly result: Result }) {
  const { items, itemsTotal, keptTags, kept, warnings } = result;
  const shown = items.slice(0, namesShown);
  return (
    <div className="stack-small">
      {warnings.map((warning) => (
        <Note key={warning} tone="warn">
          {warning}
        </Note>
      ))}
      <p>
        <Summary result={result} />
      </p>
      <Names
        label="What would go"
        rows={shown.map(({ name, why, bytes }) => ({ name, why, bytes: formatBytes(bytes) }))}
        more={itemsTotal - shown.length}
      />
      {kept.length === 0 ? null : (
        <details>
          <summary>What stays, and why</summary>
          <Names
            label="What stays"
            rows={kept.slice(0, namesShown)}
            more={keptTags - Math.min(kept.length, namesShown)}
          />
        </details>
      )}
    </div>
  );
}

function Summary({ result: { itemsTotal, keptTags, freedBytes, keptUntil } }: { readonly result: Result }) {
  const stays = `${formatPlural(keptTags, 'tag', 'tags')} of the repositories they name ${keptTags === 1 ? 'stays' : 'stay'}`;
  if (itemsTotal === 0) return <>Nothing would go now; {stays}.</>;
  return (
    <>
      <strong>{formatPlural(itemsTotal, 'item', 'items')} would go</strong>; {stays}. It can be undone
      {keptUntil === undefined ? '' : ` until ${formatDateTime(keptUntil)}`}; the collection after that frees{' '}
      <strong>{formatBytes(freedBytes)}</strong>.
    </>
  );
}

interface NamesProps {
  readonly label: string;
  readonly rows: readonly { readonly name: string; readonly why: string; readonly bytes?: string }[];
  readonly more: number;
}

function Names({ label, rows, more }: NamesProps) {
  if (rows.length === 0) return null;
  return (
    // scrolls, so the keyboard must reach it
    <div className={styles['scroll']} tabIndex={0} role="group" aria-label={label}>
      <table className={styles['names']}>
        <tbody>
          {rows.map(({ name, why, bytes }) => (
            <tr key={name}>
              <th scope="row">
                <code>{shortArtifact(name)}</code>
                <span>{why}</span>
              </th>
              {bytes === undefined ? null : <td className={styles['bytes']}>{bytes}</td>}
            </tr>
          ))}
        </tbody>
      </table>
      {more > 0 ? <p className="muted small">and {formatCount(more)} more</p> : null}
    </div>
  );
}
