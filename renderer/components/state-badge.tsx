import type { ReactNode } from 'react';
import { Shape } from './shape.tsx';
import type { ShapeName } from './shape.tsx';
import styles from './state-badge.module.css';

export type Tone = 'ok' | 'fetched' | 'warn' | 'bad' | 'denied' | 'quiet';

export interface BadgeProps {
  readonly shape: ShapeName;
  readonly tone: Tone;
  readonly children: ReactNode;
  /** Without the tinted pill, for rows of tables. */
  readonly plain?: boolean;
  readonly title?: string | undefined;
}

/** A state as shape, colour and word together; never by colour alone. */
export function StateBadge({ shape, tone, children, plain = false, title }: BadgeProps) {
  const look = [styles['badge'], styles[tone], plain ? styles['plain'] : ''].join(' ');
  return (
    <span className={look} title={title}>
      <Shape name={shape} size={plain ? 12 : 13} />
      {children}
    </span>
  );
}
