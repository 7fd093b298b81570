import styles from './meter.module.css';

interface MeterProps {
  /** What is measured, for screen readers. */
  readonly label: string;
  /** The figure in words: "37 of 100 left". */
  readonly text: string;
  /** Filled share, 0 to 1. */
  readonly share: number;
  readonly tone: 'ok' | 'accent' | 'warn' | 'bad';
}

/** A bar for a share of something limited; the words beside it say the same. */
export function Meter({ label, text, share, tone }: MeterProps) {
  const percent = Math.round(Math.min(1, Math.max(0, share)) * 100);
  return (
    <div
      className={styles['meter']}
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
      aria-valuetext={text}
    >
      <div className={`${styles['fill'] ?? ''} ${styles[tone] ?? ''}`} style={{ width: `${String(percent)}%` }} />
    </div>
  );
}
