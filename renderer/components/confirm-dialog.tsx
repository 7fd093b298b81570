import type { ReactNode } from 'react';
import { Button, Modal } from '@mantine/core';
import { ErrorNote } from './error-note.tsx';

interface ConfirmDialogProps {
  readonly opened: boolean;
  readonly title: string;
  readonly children: ReactNode;
  /** The verb on the button: "Delete 3 tags". */
  readonly confirm: string;
  readonly danger?: boolean;
  readonly busy?: boolean;
  /** Nothing to confirm yet: what will happen is still being worked out. */
  readonly disabled?: boolean;
  readonly error?: unknown;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

/** Asks before something that cannot be undone; the safe answer has the focus, Esc means no. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  const { opened, title, children, confirm, danger = false, busy = false, disabled = false } = props;
  return (
    <Modal
      opened={opened}
      onClose={props.onClose}
      title={title}
      centered
      closeButtonProps={{ 'aria-label': 'Close' }}
      transitionProps={{ duration: 0 }}
    >
      <div className="stack">
        <div className="stack-small">{children}</div>
        <ErrorNote error={props.error} />
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          <Button variant="default" onClick={props.onClose} data-autofocus>
            Cancel
          </Button>
          <Button color={danger ? 'red' : 'teal'} loading={busy} disabled={disabled} onClick={props.onConfirm}>
            {confirm}
          </Button>
        </div>
      </div>
    </Modal>
  );
}
