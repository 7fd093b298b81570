import type { MenuItemConstructorOptions } from 'electron';
import type { HostState, Status } from './mirror-host.ts';
import type { TrayFacts, TrayQuota } from './tray-facts.ts';

/** What a click in the tray asks for. */
export type TrayCommand =
  /** Show the window, on the page with this path when given. */
  | { readonly kind: 'open'; readonly page?: string }
  | { readonly kind: 'copy-address'; readonly address: string }
  | { readonly kind: 'set-serving'; readonly isServing: boolean }
  | { readonly kind: 'set-offline'; readonly isOffline: boolean }
  /** Start the mirror again after it could not start or was stopped. */
  | { readonly kind: 'start' }
  | { readonly kind: 'quit' };

/** Everything the menu is made from. */
export interface TrayView {
  readonly host: HostState;
  readonly facts: TrayFacts;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** A moment as a clock on the wall shows it, e.g. `14:05`. */
  readonly formatTime: (at: number) => string;
}

/** The tray icon's four shapes. */
export type TrayShape = 'running' | 'working' | 'attention' | 'stopped';

/** Menus are narrow; what is cut off here is told in full in the window. */
const maxLabelLength = 80;
const maxAttentionRows = 12;

const upstreamTitles: Readonly<Record<string, string>> = {
  'docker.io': 'Docker Hub',
  'ghcr.io': 'GHCR',
  'quay.io': 'Quay',
};

/** The tray's menu for one moment. Rows that mean nothing now are left out rather than disabled. */
export function trayMenu(view: TrayView, act: (command: TrayCommand) => void): MenuItemConstructorOptions[] {
  const { host } = view;
  const status = host.kind === 'running' ? host.status : undefined;
  const groups: MenuItemConstructorOptions[][] = [
    [...informationRows(view), ...(status === undefined ? [] : addressRows(status, act)), ...quotaRows(view)],
    firstCommand(host, act),
    status === undefined ? [] : [...toggleRows(status, act), ...attentionRows(status, act)],
    [command('Quit', { kind: 'quit' }, act)],
  ];
  return groups
    .filter((group) => group.length > 0)
    .flatMap((group, index) => (index === 0 ? group : [separator, ...group]));
}

/** The icon's shape: running only if clients are really served and nothing needs a person. */
export function trayShape(host: HostState): TrayShape {
  if (host.kind === 'failed') return 'attention';
  if (host.kind !== 'running') return 'stopped';
  const { status } = host;
  if (status.listenError !== undefined) return 'attention';
  if (!status.listening) return 'stopped';
  return status.state;
}

/** The first row and the tool tip: `Zhi Mirror – Running · 3 clients · 94 % hits`. */
export function statusLine(host: HostState, facts: TrayFacts): string {
  const parts = [`Zhi Mirror – ${stateWords(host)}`];
  if (host.kind !== 'running') return parts.join('');
  const { status } = host;
  if (status.offline) parts.push('offline');
  if (status.activeTransfers > 0) parts.push(counted(status.activeTransfers, 'transfer'));
  if (status.listening) parts.push(counted(status.clientsLast10Min, 'client'));
  if (facts.hitRatio !== undefined) parts.push(`${String(Math.floor(facts.hitRatio * 100))} % hits`);
  return parts.join(' · ');
}

/** Base address for clients on the network as the menu shows and copies it, or undefined while nobody is served. */
export function clientAddress(status: Status): string | undefined {
  const address = status.listening ? status.addresses[0] : undefined;
  return address === undefined ? undefined : `${status.tls ? 'https' : 'http'}://${address}`;
}

/** What to ask before the mirror goes away, or undefined when nobody would miss it. */
export function quitWarning(host: HostState): { readonly message: string; readonly detail: string } | undefined {
  if (host.kind !== 'running' || !host.status.listening) return undefined;
  const { clientsLast10Min, activeTransfers } = host.status;
  if (clientsLast10Min === 0 && activeTransfers === 0) return undefined;
  const message =
    clientsLast10Min === 0
      ? `${counted(activeTransfers, 'transfer')} ${activeTransfers === 1 ? 'is' : 'are'} under way.`
      : `${counted(clientsLast10Min, 'client')} used this mirror in the last 10 minutes.`;
  return {
    message,
    detail: 'While Zhi Mirror is closed, their pulls wait for a timeout or fail. What was downloaded so far is kept.',
  };
}

function firstCommand(host: HostState, act: (command: TrayCommand) => void): MenuItemConstructorOptions[] {
  if (host.kind === 'stopping') return [];
  if (host.kind === 'stopped' || host.kind === 'failed')
    return [command('Start Zhi Mirror again', { kind: 'start' }, act)];
  return [command('Open Zhi Mirror', { kind: 'open' }, act)];
}

function informationRows({ host, facts }: TrayView): MenuItemConstructorOptions[] {
  const rows = [information(statusLine(host, facts))];
  const reason = failureWords(host);
  if (reason !== undefined) rows.push(information(reason));
  return rows;
}

function stateWords(host: HostState): string {
  switch (host.kind) {
    case 'starting':
      return 'Starting …';
    case 'stopping':
      return 'Stopping …';
    case 'stopped':
      return 'Stopped';
    case 'failed':
      return 'Could not start';
    case 'running':
      return runningWords(host);
  }
}

function runningWords(host: HostState & { readonly kind: 'running' }): string {
  switch (trayShape(host)) {
    case 'attention':
      return host.status.listening ? 'Needs attention' : 'Cannot serve';
    case 'working':
      return 'Working';
    case 'stopped':
      return 'Not serving';
    case 'running':
      return 'Running';
  }
}

function failureWords(host: HostState): string | undefined {
  if (host.kind === 'failed') return host.failure.message;
  return host.kind === 'running' ? host.status.listenError : undefined;
}

function addressRows(status: Status, act: (command: TrayCommand) => void): MenuItemConstructorOptions[] {
  const address = clientAddress(status);
  return address === undefined ? [] : [command(address, { kind: 'copy-address', address }, act)];
}

function quotaRows({ facts, host, now, formatTime }: TrayView): MenuItemConstructorOptions[] {
  if (host.kind !== 'running') return [];
  return facts.quotas
    .filter(({ resetsAt }) => resetsAt > now)
    .map((quota) => information(quotaWords(quota, formatTime)));
}

function quotaWords({ upstream, remaining, limit, resetsAt }: TrayQuota, formatTime: (at: number) => string): string {
  const title = upstreamTitles[upstream] ?? upstream;
  return `${title} ${String(remaining)}/${String(limit)} · resets ${formatTime(resetsAt)}`;
}

function toggleRows(status: Status, act: (command: TrayCommand) => void): MenuItemConstructorOptions[] {
  return [
    toggle('Serving on network', status.listening, { kind: 'set-serving', isServing: !status.listening }, act),
    toggle('Offline mode', status.offline, { kind: 'set-offline', isOffline: !status.offline }, act),
  ];
}

function attentionRows(status: Status, act: (command: TrayCommand) => void): MenuItemConstructorOptions[] {
  const items = status.attention
    .slice(0, maxAttentionRows)
    .map(({ title, link }) =>
      command(title, link === undefined ? { kind: 'open' } : { kind: 'open', page: link }, act),
    );
  if (items.length === 0) return [];
  const hidden = status.attention.length - items.length;
  if (hidden > 0) items.push(command(`${String(hidden)} more …`, { kind: 'open' }, act));
  return [{ label: 'Needs you', submenu: items }];
}

const separator: MenuItemConstructorOptions = { type: 'separator' };

function information(text: string): MenuItemConstructorOptions {
  return { label: menuLabel(text), enabled: false };
}

function command(text: string, wanted: TrayCommand, act: (command: TrayCommand) => void): MenuItemConstructorOptions {
  return {
    label: menuLabel(text),
    click: () => {
      act(wanted);
    },
  };
}

function toggle(
  text: string,
  checked: boolean,
  wanted: TrayCommand,
  act: (command: TrayCommand) => void,
): MenuItemConstructorOptions {
  return { ...command(text, wanted, act), type: 'checkbox', checked };
}

/** One line, not too long, with `&` doubled: a single one would become an underlined shortcut. */
function menuLabel(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  const short = line.length > maxLabelLength ? `${line.slice(0, maxLabelLength - 1)}…` : line;
  return short.replaceAll('&', '&&');
}

function counted(count: number, noun: string): string {
  return `${String(count)} ${noun}${count === 1 ? '' : 's'}`;
}
