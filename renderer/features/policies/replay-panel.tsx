import { Button } from '@mantine/core';
import type { RouteResponse } from '../../../server/api/contract.ts';
import { useReplayPolicy } from '../../api/queries.ts';
import { ErrorNote, Note } from '../../components/error-note.tsx';
import { formatCount, formatDateTime, formatPlural, shortArtifact } from '../../format.ts';
import { ModeBadge } from './rule-list.tsx';
import styles from './policies.module.css';

type Report = RouteResponse<'replayPolicy'>;

const days = 30;
/** Names listed before the rest is only counted. */
const namesShown = 100;

interface ReplayPanelProps {
  /** A text that is not saved; undefined: the policy that holds. */
  readonly text: string | undefined;
  readonly disabled: boolean;
}

/** What the policy would have done with the recorded pulls, before it is saved. */
export function ReplayPanel({ text, disabled }: ReplayPanelProps) {
  const replay = useReplayPolicy();
  const isAboutThis = replay.variables?.body.text === text;
  return (
    <section className="panel panel-body stack" aria-label="Replay of recorded pulls">
      <div className="spread">
        <p>
          {text === undefined ? 'What this policy' : 'What the text above, unsaved,'} would have done with what was
          pulled in the last {days} days.
        </p>
        <Button
          variant="default"
          size="compact-sm"
          loading={replay.isPending}
          disabled={disabled}
          onClick={() => {
            replay.mutate({ body: { days, ...(text === undefined ? {} : { text }) } });
          }}
        >
          Replay over the last {days} days
        </Button>
      </div>
      <ErrorNote error={replay.error} />
      <div role="status">{replay.data === undefined || !isAboutThis ? null : <Result report={replay.data} />}</div>
    </section>
  );
}

function Result({ report }: { readonly report: Report }) {
  const { pulls, denied, nowAllowed, rules, items, itemsTotal } = report;
  if (pulls === 0) return <Note tone="info">Nothing was pulled in this time, so there is nothing to replay.</Note>;
  const shown = items.slice(0, namesShown);
  return (
    <div className="stack-small">
      <Note tone={denied === 0 ? 'ok' : 'warn'}>
        <strong>
          It would have denied {formatCount(denied)} of {formatPlural(pulls, 'pull', 'pulls')}.
        </strong>{' '}
        {nowAllowed === 0
          ? ''
          : `${formatPlural(nowAllowed, 'pull', 'pulls')} that were denied would have been allowed.`}
      </Note>
      {rules.length === 0 ? null : (
        <ul className={styles['counts']}>
          {rules.map(({ rule, mode, pulls: count, names }) => (
            <li key={`${mode} ${rule}`}>
              <code>{rule}</code> <ModeBadge mode={mode} /> {formatPlural(count, 'pull', 'pulls')} of{' '}
              {formatPlural(names, 'artifact', 'artifacts')}
            </li>
          ))}
        </ul>
      )}
      {shown.length === 0 ? null : (
        // scrolls, so the keyboard must reach it
        <div className={styles['scroll']} tabIndex={0} role="group" aria-label="What would have been denied">
          <table className={styles['names']}>
            <thead>
              <tr>
                <th scope="col">Artifact</th>
                <th scope="col">Rule</th>
                <th scope="col">Last pulled</th>
                <th scope="col">Pulls</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((item) => (
                <tr key={`${item.artifact} ${item.digest ?? ''} ${item.user ?? ''} ${item.rule}`}>
                  <th scope="row">
                    <code>{shortArtifact(item.artifact)}</code>
                    <span>{item.reason}</span>
                  </th>
                  <td>
                    {item.rule}
                    {item.mode === 'dry-run' ? ' (dry run)' : ''}
                  </td>
                  <td>{formatDateTime(item.lastAt)}</td>
                  <td className="tabular">{formatCount(item.pulls)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {itemsTotal > shown.length ? (
            <p className="muted small">and {formatCount(itemsTotal - shown.length)} more</p>
          ) : null}
        </div>
      )}
    </div>
  );
}
