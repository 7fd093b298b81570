/** What the app was started with. */
export interface Launch {
  /** Flags and values for the mirror, as on `zhi-mirror serve`. */
  readonly mirrorArguments: readonly string[];
  /** Start without showing the window: what a login item does. */
  readonly isHidden: boolean;
  /** A `zhi-mirror://` link that was clicked. */
  readonly link: string | undefined;
}

/** Scheme of links into the app. */
export const linkScheme = 'zhi-mirror';

/** Chromium's and Electron's own switches, which share the command line with ours. All take their value after `=`. */
const foreignSwitch =
  /^-(?:psn_.*|-(?:disable|enable|force|inspect|js-flags|ozone|remote-debugging|use|user-data-dir|no-sandbox|password-store|lang|proxy|original-process-start-time|allow-file-access-from-files|trace|v|vmodule|log-file|high-dpi|gtk-version|headless)(?:[=-].*)?)$/;

/** Reads the arguments after the program's and the app's name. Never throws: the mirror's flags are judged by the mirror. */
export function parseLaunch(args: readonly string[]): Launch {
  const isLink = (argument: string): boolean => argument.startsWith(`${linkScheme}:`);
  return {
    mirrorArguments: args.filter(
      (argument) => argument !== '--hidden' && !isLink(argument) && !foreignSwitch.test(argument),
    ),
    isHidden: args.includes('--hidden'),
    link: args.find(isLink),
  };
}

/** Arguments of a process: in a checkout they begin after the app's folder or file, in a package after the program. */
export function ownArguments(argv: readonly string[], isPackaged: boolean): readonly string[] {
  const appAt = isPackaged ? 0 : argv.findIndex((argument, index) => index > 0 && !argument.startsWith('-'));
  return argv.slice(appAt + 1);
}

/**
 * Page a `zhi-mirror://` link opens, as the renderer's path. Links come from web pages and mails: they only ever open, so
 * whatever is not known opens the first page.
 */
export function linkPage(link: string): string {
  const url = URL.parse(link);
  if (url?.protocol !== `${linkScheme}:`) return '/';
  const [area, ...rest] = `${url.host}${url.pathname}`.split('/').filter((segment) => segment !== '');
  if (area === 'repo' && rest.length > 0) return `/cache?repository=${encodeURIComponent(decoded(rest.join('/')))}`;
  return area !== undefined && pages.has(area) ? `/${area}` : '/';
}

const pages = new Set(['dashboard', 'upstreams', 'cache', 'audit', 'about']);

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
