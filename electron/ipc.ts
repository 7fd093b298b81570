import { desktopChannels, parseDesktopArguments } from './desktop-api.ts';
import type { DesktopCalls } from './desktop-api.ts';
import type { InvokeEventPart, IpcMainPart } from './electron-parts.ts';

/** A call that did not come from the window's own page. */
export class UntrustedSenderError extends Error {
  readonly code = 'DENIED';

  constructor() {
    super('Only the window of Zhi Mirror may call the desktop.');
    this.name = 'UntrustedSenderError';
  }
}

/** The one page that may call: our window, showing the admin listener's files. */
export interface TrustedPage {
  readonly webContentsId: number;
  readonly origin: string;
}

/**
 * Answers every call of the contract: checks who sends, parses the arguments, calls one function. `trustedPage` is asked
 * at each call, because the admin listener's address may change when the mirror is started again.
 */
export function answerDesktopCalls(
  ipcMain: IpcMainPart,
  calls: DesktopCalls,
  trustedPage: () => TrustedPage | undefined,
): void {
  const answer = (channel: string, call: (args: readonly unknown[]) => Promise<unknown>): void => {
    ipcMain.handle(channel, async (event, ...args) => {
      if (!isTrustedSender(event, trustedPage())) throw new UntrustedSenderError();
      return call(args);
    });
  };
  const parse = parseDesktopArguments;
  answer(desktopChannels.copyText, (args) => calls.copyText(...parse.copyText(args)));
  answer(desktopChannels.setTheme, (args) => calls.setTheme(...parse.setTheme(args)));
  answer(desktopChannels.showDataDirectory, (args) => calls.showDataDirectory(...parse.showDataDirectory(args)));
  answer(desktopChannels.getStartAtLogin, (args) => calls.getStartAtLogin(...parse.getStartAtLogin(args)));
  answer(desktopChannels.setStartAtLogin, (args) => calls.setStartAtLogin(...parse.setStartAtLogin(args)));
}

/** True for the main frame of our window on the admin listener's origin; never for frames within it or pages since left. */
export function isTrustedSender(event: InvokeEventPart, trusted: TrustedPage | undefined): boolean {
  if (trusted?.webContentsId !== event.sender.id) return false;
  const frame = event.senderFrame;
  if (frame?.parent !== null) return false;
  return originOf(frame.url) === trusted.origin;
}

/** Origin of an http(s) URL, or undefined for anything else: opaque origins are all written "null" and must never match. */
export function originOf(url: string): string | undefined {
  const parsed = URL.parse(url);
  return parsed?.protocol === 'http:' || parsed?.protocol === 'https:' ? parsed.origin : undefined;
}
