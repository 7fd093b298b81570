import type { MessageBoxOptions } from 'electron';
import type { ElectronParts } from './electron-parts.ts';
import type { HostFailure } from './mirror-host.ts';

type Dialog = ElectronParts['dialog'];

/** What a person decided after the mirror could not start. */
export type FailureDecision = 'retry' | 'quit' | 'later';

/** Asks before clients lose their mirror. Escape and Enter keep it running. */
export async function askQuit(
  dialog: Dialog,
  warning: { readonly message: string; readonly detail: string },
): Promise<boolean> {
  const answer = await dialog.showMessageBox({
    ...common,
    type: 'warning',
    ...warning,
    buttons: ['Quit', 'Keep running'],
    defaultId: 1,
    cancelId: 1,
  });
  return answer.response === 0;
}

/** Tells why the mirror did not start and offers to try again; `later` is offered only where a tray stays behind. */
export async function askAfterFailure(
  dialog: Dialog,
  failure: HostFailure,
  hasTray: boolean,
): Promise<FailureDecision> {
  const decisions: readonly FailureDecision[] = hasTray ? ['retry', 'later', 'quit'] : ['retry', 'quit'];
  const answer = await dialog.showMessageBox({
    ...common,
    type: 'error',
    message: 'Zhi Mirror could not start.',
    detail: failure.message,
    buttons: decisions.map((decision) => failureButtons[decision]),
    defaultId: 0,
    cancelId: 1,
  });
  return decisions[answer.response] ?? 'later';
}

/** Tells that something asked for was refused. */
export async function tellFailure(dialog: Dialog, message: string, failure: HostFailure): Promise<void> {
  await dialog.showMessageBox({ ...common, type: 'error', message, detail: failure.message, buttons: ['OK'] });
}

const common: Pick<MessageBoxOptions, 'title' | 'noLink'> = { title: 'Zhi Mirror', noLink: true };

const failureButtons: Readonly<Record<FailureDecision, string>> = {
  retry: 'Try again',
  later: 'Keep in the tray',
  quit: 'Quit',
};
