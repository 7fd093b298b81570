import { CopyButton } from './copy-button.tsx';
import styles from './command.module.css';

/** A command or address to be copied, whole and selectable. */
export function Command({ text, what }: { readonly text: string; readonly what: string }) {
  return (
    <div className={styles['command']}>
      <code className={styles['text']}>{text}</code>
      <CopyButton text={text} what={what} />
    </div>
  );
}
