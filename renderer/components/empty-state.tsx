import type { ReactNode } from 'react';
import { Button } from '@mantine/core';
import { Shape } from './shape.tsx';
import { ApiError, describeError } from '../api/problem.ts';
import styles from './empty-state.module.css';

interface EmptyStateProps {
  readonly icon?: ReactNode;
  readonly title: string;
  readonly children?: ReactNode;
  readonly actions?: ReactNode;
}

/** Nothing here, why, and what to do next. */
export function EmptyState({ icon, title, children, actions }: EmptyStateProps) {
  return (
    <div className={styles['state']}>
      {icon === undefined ? null : <div className={styles['icon']}>{icon}</div>}
      <strong>{title}</strong>
      {children === undefined ? null : <p>{children}</p>}
      {actions === undefined ? null : <div className={styles['actions']}>{actions}</div>}
    </div>
  );
}

interface ErrorStateProps {
  /** What could not be done: "The cache could not be read". */
  readonly title: string;
  readonly error: unknown;
  readonly onRetry?: () => void;
}

/** What failed, why as the mirror says it, and a way to try again. */
export function ErrorState({ title, error, onRetry }: ErrorStateProps) {
  return (
    <div className={`${styles['state'] ?? ''} ${styles['error'] ?? ''}`} role="alert">
      <div className={styles['icon']}>
        <Shape name="octagon" size={22} />
      </div>
      <strong>{title}</strong>
      <p>{describeError(error)}</p>
      <ProblemDetails error={error} />
      {onRetry === undefined ? null : (
        <div className={styles['actions']}>
          <Button size="compact-sm" variant="default" onClick={onRetry}>
            Try again
          </Button>
        </div>
      )}
    </div>
  );
}

/** Every problem found, and the request id that the log knows. */
export function ProblemDetails({ error }: { readonly error: unknown }) {
  if (!(error instanceof ApiError)) return null;
  return (
    <>
      {error.problems.length > 1 ? (
        <ul className={styles['problems']}>
          {error.problems.map((problem) => (
            <li key={problem}>{problem}</li>
          ))}
        </ul>
      ) : null}
      {error.requestId === undefined ? null : (
        <span className="muted small">
          {error.code} · request <code>{error.requestId}</code>
        </span>
      )}
    </>
  );
}

/** A list that is still being read. */
export function LoadingState({ label, lines = 4 }: { readonly label: string; readonly lines?: number }) {
  return (
    <div className={styles['bars']} role="status">
      <span className="visually-hidden">{label}</span>
      {Array.from({ length: lines }, (_, index) => (
        <div key={index} className={styles['bar']} style={{ width: `${String(92 - ((index * 17) % 40))}%` }} />
      ))}
    </div>
  );
}
