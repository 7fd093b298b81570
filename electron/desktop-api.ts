/**
 * The contract between the window and the desktop: what only the desktop can do. What the mirror knows goes over HTTP.
 * The renderer imports types from here, the preload script offers the functions, `ipc.ts` answers them.
 */

/** The window's colours: the system's, or one the person chose. */
export type ThemeSource = 'system' | 'light' | 'dark';

/** Whether the app starts when the person logs in; `unsupported` where the system has no such list. */
export type StartAtLogin = 'on' | 'off' | 'unsupported';

/** Everything the window may ask of the desktop; offered as `window.desktop`. Every call rejects when it is refused. */
export interface DesktopApi {
  /** Node's name of the operating system, e.g. `linux`, `darwin`, `win32`. */
  readonly platform: string;
  /** Puts text on the clipboard; at most `maxCopiedCharacters` long. */
  copyText(text: string): Promise<void>;
  /** Makes the frame of the window, menus and dialogs follow the theme chosen in the settings. */
  setTheme(theme: ThemeSource): Promise<void>;
  /** Shows the mirror's data directory in the system's file browser. */
  showDataDirectory(): Promise<void>;
  getStartAtLogin(): Promise<StartAtLogin>;
  /** Only ever called because a person ticked or unticked the box; answers with what holds now. */
  setStartAtLogin(isOn: boolean): Promise<StartAtLogin>;
}

/** What is called across processes: the contract without its constants. */
export type DesktopCalls = Omit<DesktopApi, 'platform'>;

/** Longest text the window may put on the clipboard, in UTF-16 code units. */
export const maxCopiedCharacters = 1_000_000;

/** The IPC channel of each call. */
export const desktopChannels: { readonly [Name in keyof DesktopCalls]: string } = {
  copyText: 'desktop:copy-text',
  setTheme: 'desktop:set-theme',
  showDataDirectory: 'desktop:show-data-directory',
  getStartAtLogin: 'desktop:get-start-at-login',
  setStartAtLogin: 'desktop:set-start-at-login',
};

/** Arguments that do not fit the call; the window gets this message. */
export class DesktopArgumentError extends Error {
  readonly code = 'REQUEST_INVALID';

  constructor(message: string) {
    super(message);
    this.name = 'DesktopArgumentError';
  }
}

type Parsers = { readonly [Name in keyof DesktopCalls]: (args: readonly unknown[]) => Parameters<DesktopCalls[Name]> };

/** Turns what came over the wire into a call's arguments. @throws DesktopArgumentError on anything else, also on too many. */
export const parseDesktopArguments: Parsers = {
  copyText: (args) => [parseCopied(only(args))],
  setTheme: (args) => [parseTheme(only(args))],
  showDataDirectory: none,
  getStartAtLogin: none,
  setStartAtLogin: (args) => [parseBoolean(only(args))],
};

function only(args: readonly unknown[]): unknown {
  if (args.length !== 1) throw new DesktopArgumentError(`One argument is expected, not ${String(args.length)}.`);
  return args[0];
}

function none(args: readonly unknown[]): [] {
  if (args.length !== 0) throw new DesktopArgumentError(`No argument is expected, not ${String(args.length)}.`);
  return [];
}

function parseCopied(value: unknown): string {
  if (typeof value !== 'string') throw new DesktopArgumentError('Only text can be copied.');
  if (value.length > maxCopiedCharacters) throw new DesktopArgumentError('The text is too long to be copied.');
  return value;
}

function parseTheme(value: unknown): ThemeSource {
  if (value === 'system' || value === 'light' || value === 'dark') return value;
  throw new DesktopArgumentError('A theme is "system", "light" or "dark".');
}

function parseBoolean(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new DesktopArgumentError('Only true or false is expected.');
  return value;
}
