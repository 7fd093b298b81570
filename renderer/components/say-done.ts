import { notifications } from '@mantine/notifications';

/** Tells, in passing, that something a person asked for was done. */
export function sayDone(title: string, message: string): void {
  notifications.show({ color: 'teal', title, message, closeButtonProps: { 'aria-label': 'Close this message' } });
}
