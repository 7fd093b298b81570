import type { ReactNode } from 'react';
import { Shape } from './shape.tsx';
import type { ShapeName } from './shape.tsx';
import { ApiError, asSentence, describeError } from '../api/problem.ts';
import styles from './note.module.css';

const shapes: Readonly<Record<'info' | 'warn' | 'bad' | 'ok', ShapeName>> = {
  info: 'info',
  warn: 'triangle',
  bad: 'octagon',
  ok: 'tick',
};

/** A remark beside what it is about. */
export function Note({ tone, children }: { readonly tone: keyof typeof shapes; readonly children: ReactNode }) {
  return (
    <div className={`${styles['note'] ?? ''} ${styles[tone] ?? ''}`}>
      <Shape name={shapes[tone]} size={15} />
      <div className={styles['body']}>{children}</div>
    </div>
  );
}

/** Why the last action failed; nothing when there was no failure. */
export function ErrorNote({ error }: { readonly error: unknown }) {
  if (error === undefined || error === null) return null;
  const problems = error instanceof ApiError && error.problems.length > 1 ? error.problems : [];
  return (
    <div role="alert">
      <Note tone="bad">
        {problems.length === 0 ? (
          describeError(error)
        ) : (
          <ul>
            {problems.map((problem) => (
              <li key={problem}>{asSentence(problem)}</li>
            ))}
          </ul>
        )}
      </Note>
    </div>
  );
}
