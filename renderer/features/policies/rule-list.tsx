import type { RouteResponse } from '../../../server/api/contract.ts';
import { StateBadge } from '../../components/state-badge.tsx';
import styles from './policies.module.css';

type View = RouteResponse<'getPolicy'>;
type Mode = View['rules'][number]['mode'];

/** Rules in words, in the order in which they are asked. */
export function RuleList({ rules }: { readonly rules: View['rules'] }) {
  return (
    <>
      <ol className={styles['rules']}>
        {rules.map(({ name, mode, sentence }, position) => (
          <li key={`${name} ${String(position)}`} data-mode={mode}>
            <div className={styles['ruleHead']}>
              <code>{name}</code>
              <ModeBadge mode={mode} />
            </div>
            <p>{sentence}</p>
          </li>
        ))}
      </ol>
      <p className="muted small">What no rule decides is allowed.</p>
    </>
  );
}

const modes = {
  off: { tone: 'quiet', shape: 'ring', word: 'Off' },
  'dry-run': { tone: 'warn', shape: 'info', word: 'Dry run' },
  enforce: { tone: 'ok', shape: 'tick', word: 'Enforced' },
} as const;

/** Whether a rule counts. */
export function ModeBadge({ mode }: { readonly mode: Mode }) {
  const { tone, shape, word } = modes[mode];
  return (
    <StateBadge tone={tone} shape={shape}>
      {word}
    </StateBadge>
  );
}

/** Problems or warnings of a policy's text, by line. */
export function Remarks({ remarks }: { readonly remarks: View['problems'] }) {
  return (
    <ul className={styles['remarks']}>
      {remarks.map(({ line, column, message }) => (
        <li key={`${String(line)} ${String(column)} ${message}`}>
          {line === undefined ? null : <strong>Line {line}: </strong>}
          {message}
        </li>
      ))}
    </ul>
  );
}
