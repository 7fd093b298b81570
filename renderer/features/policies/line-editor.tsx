import { useId, useRef } from 'react';
import styles from './policies.module.css';

interface LineEditorProps {
  readonly label: string;
  readonly value: string;
  readonly readOnly: boolean;
  /** Lines with a problem, from 1. */
  readonly marked: readonly (number | undefined)[];
  readonly onChange: (text: string) => void;
}

/** Lines shown at least and at most; more are scrolled to. */
const leastLines = 12;
const mostLines = 28;

/** A text with line numbers. Tab leaves it, as everywhere: the keyboard must get out. */
export function LineEditor({ label, value, readOnly, marked, onChange }: LineEditorProps) {
  const id = useId();
  const numbers = useRef<HTMLDivElement>(null);
  const lines = value.split('\n').length;
  return (
    <div className={styles['editor']}>
      <label htmlFor={id}>{label}</label>
      <div className={styles['lines']}>
        <div className={styles['numbers']} ref={numbers} aria-hidden="true">
          {Array.from({ length: lines }, (_, index) => (
            <span key={index} data-bad={marked.includes(index + 1)}>
              {index + 1}
            </span>
          ))}
        </div>
        <textarea
          id={id}
          value={value}
          readOnly={readOnly}
          rows={Math.min(mostLines, Math.max(leastLines, lines + 1))}
          wrap="off"
          spellCheck={false}
          autoComplete="off"
          autoCapitalize="off"
          onScroll={(event) => {
            if (numbers.current !== null) numbers.current.scrollTop = event.currentTarget.scrollTop;
          }}
          onChange={(event) => {
            onChange(event.currentTarget.value);
          }}
        />
      </div>
    </div>
  );
}
