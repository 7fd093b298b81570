import { describe, expect, it } from 'vitest';
import type { MenuItemConstructorOptions } from 'electron';
import type { HostState } from '../../../electron/mirror-host.ts';
import { noFacts } from '../../../electron/tray-facts.ts';
import { clientAddress, quitWarning, statusLine, trayMenu, trayShape } from '../../../electron/tray-menu.ts';
import type { TrayCommand, TrayView } from '../../../electron/tray-menu.ts';
import { statusOf } from './mirror-double.ts';

const now = Date.UTC(2026, 2, 1, 13, 30);

function running(changes: Parameters<typeof statusOf>[0] = {}): HostState {
  return { kind: 'running', status: statusOf(changes) };
}

function viewOf(host: HostState, changes: Partial<TrayView> = {}): TrayView {
  return { host, facts: noFacts, now, formatTime: (at) => new Date(at).toISOString().slice(11, 16), ...changes };
}

/** The menu as a person reads it. */
function read(items: readonly MenuItemConstructorOptions[], depth = ''): string[] {
  return items.flatMap((item) => {
    if (item.type === 'separator') return [`${depth}———`];
    const mark = item.type === 'checkbox' ? (item.checked === true ? '☑ ' : '☐ ') : '';
    const line = `${depth}${mark}${item.label ?? ''}${item.enabled === false ? ' (disabled)' : ''}`;
    return [line, ...(Array.isArray(item.submenu) ? read(item.submenu, `${depth}  `) : [])];
  });
}

function menuOf(view: TrayView): string[] {
  return read(trayMenu(view, () => undefined));
}

/** What a click on the row with this label asks for. */
function click(view: TrayView, label: string): TrayCommand[] {
  const commands: TrayCommand[] = [];
  const items = trayMenu(view, (command) => commands.push(command));
  const all = [...items, ...items.flatMap((item) => (Array.isArray(item.submenu) ? item.submenu : []))];
  const found = all.find((item) => item.label === label);
  (found?.click as (() => void) | undefined)?.();
  return commands;
}

describe('the tray menu', () => {
  it('shows status, address, quota, commands, toggles and what needs a person, in this order', () => {
    const attention = [
      { id: 'disk', severity: 'warning' as const, title: 'Disk is low', detail: '', link: '/cache' },
      { id: 'up', severity: 'error' as const, title: 'quay.io fails', detail: '' },
    ];
    const facts = {
      hitRatio: 0.949,
      quotas: [{ upstream: 'docker.io', limit: 100, remaining: 37, resetsAt: Date.UTC(2026, 2, 1, 14, 5) }],
    };
    expect(menuOf(viewOf(running({ attention, offline: true }), { facts }))).toEqual([
      'Zhi Mirror – Running · offline · 3 clients · 94 % hits (disabled)',
      'https://mac-anna.local:5443',
      'Docker Hub 37/100 · resets 14:05 (disabled)',
      '———',
      'Open Zhi Mirror',
      '———',
      '☑ Serving on network',
      '☑ Offline mode',
      'Needs you',
      '  Disk is low',
      '  quay.io fails',
      '———',
      'Quit',
    ]);
  });

  it('leaves out what is not known or not the case', () => {
    expect(menuOf(viewOf(running({ clientsLast10Min: 1 })))).toEqual([
      'Zhi Mirror – Running · 1 client (disabled)',
      'https://mac-anna.local:5443',
      '———',
      'Open Zhi Mirror',
      '———',
      '☑ Serving on network',
      '☐ Offline mode',
      '———',
      'Quit',
    ]);
  });

  it('hides the address while nobody is served', () => {
    expect(menuOf(viewOf(running({ listening: false, state: 'stopped' }))).slice(0, 5)).toEqual([
      'Zhi Mirror – Not serving (disabled)',
      '———',
      'Open Zhi Mirror',
      '———',
      '☐ Serving on network',
    ]);
  });

  it('says why clients cannot be served', () => {
    const host = running({ listening: false, listenError: 'Port 5050 is in use; 5052 is free.' });
    expect(menuOf(viewOf(host)).slice(0, 2)).toEqual([
      'Zhi Mirror – Cannot serve (disabled)',
      'Port 5050 is in use; 5052 is free. (disabled)',
    ]);
  });

  it('offers a new start and the reason after a failed one', () => {
    const host: HostState = { kind: 'failed', failure: { code: 'PORT_IN_USE', message: 'Port 5051 is in use.' } };
    expect(menuOf(viewOf(host))).toEqual([
      'Zhi Mirror – Could not start (disabled)',
      'Port 5051 is in use. (disabled)',
      '———',
      'Start Zhi Mirror again',
      '———',
      'Quit',
    ]);
  });

  it.each([
    [{ kind: 'starting' }, ['Zhi Mirror – Starting … (disabled)', '———', 'Open Zhi Mirror', '———', 'Quit']],
    [{ kind: 'stopping' }, ['Zhi Mirror – Stopping … (disabled)', '———', 'Quit']],
    [{ kind: 'stopped' }, ['Zhi Mirror – Stopped (disabled)', '———', 'Start Zhi Mirror again', '———', 'Quit']],
  ] as const)('shows %o', (host, rows) => {
    expect(menuOf(viewOf(host))).toEqual(rows);
  });

  it('drops a quota whose window has passed', () => {
    const facts = { quotas: [{ upstream: 'docker.io', limit: 100, remaining: 37, resetsAt: now }] };
    expect(menuOf(viewOf(running(), { facts }))).not.toContainEqual(expect.stringContaining('Docker Hub'));
  });

  it('keeps a name with an ampersand, a line break or great length readable in one line', () => {
    const attention = [{ id: 'a', severity: 'info' as const, title: `R&D\n${'x'.repeat(200)}`, detail: '' }];
    const row = menuOf(viewOf(running({ attention }))).find((line) => line.includes('R&'));
    expect(row).toBe(`  R&&D ${'x'.repeat(75)}…`);
  });

  it('counts what does not fit under "Needs you"', () => {
    const attention = Array.from({ length: 14 }, (_, index) => ({
      id: `${index}`,
      severity: 'info' as const,
      title: `Thing ${index}`,
      detail: '',
    }));
    const rows = menuOf(viewOf(running({ attention })));
    expect(rows.filter((row) => row.includes('Thing'))).toHaveLength(12);
    expect(rows).toContain('  2 more …');
  });

  it.each<[string, TrayCommand]>([
    ['Open Zhi Mirror', { kind: 'open' }],
    ['https://mac-anna.local:5443', { kind: 'copy-address', address: 'https://mac-anna.local:5443' }],
    ['Serving on network', { kind: 'set-serving', isServing: false }],
    ['Offline mode', { kind: 'set-offline', isOffline: true }],
    ['Disk is low', { kind: 'open', page: '/cache' }],
    ['Quit', { kind: 'quit' }],
  ])('asks for the right thing when "%s" is clicked', (label, command) => {
    const attention = [{ id: 'd', severity: 'warning' as const, title: 'Disk is low', detail: '', link: '/cache' }];
    expect(click(viewOf(running({ attention })), label)).toEqual([command]);
  });

  it('starts the mirror again when that is clicked', () => {
    expect(click(viewOf({ kind: 'stopped' }), 'Start Zhi Mirror again')).toEqual([{ kind: 'start' }]);
  });
});

describe('the shape of the icon', () => {
  it.each<[string, HostState, string]>([
    ['running', running(), 'running'],
    ['transfers under way', running({ state: 'working' }), 'working'],
    ['something needs a person', running({ state: 'attention' }), 'attention'],
    ['serving switched off', running({ listening: false, state: 'stopped' }), 'stopped'],
    ['serving switched off, though the state says running', running({ listening: false }), 'stopped'],
    ['the port taken', running({ listening: false, listenError: 'Port 5050 is in use.' }), 'attention'],
    ['not started', { kind: 'stopped' }, 'stopped'],
    ['starting', { kind: 'starting' }, 'stopped'],
    ['stopping', { kind: 'stopping' }, 'stopped'],
    ['a failed start', { kind: 'failed', failure: { code: undefined, message: '' } }, 'attention'],
  ])('with %s', (_, host, shape) => {
    expect(trayShape(host)).toBe(shape);
  });
});

describe('the status line', () => {
  it('tells what is under way', () => {
    expect(statusLine(running({ state: 'working', activeTransfers: 2 }), noFacts)).toBe(
      'Zhi Mirror – Working · 2 transfers · 3 clients',
    );
  });

  it('never rounds up to a perfect hit ratio', () => {
    expect(statusLine(running(), { hitRatio: 0.9999, quotas: [] })).toBe(
      'Zhi Mirror – Running · 3 clients · 99 % hits',
    );
  });
});

describe('the address for clients', () => {
  it('has the scheme in use', () => {
    expect(clientAddress(statusOf({ tls: false }))).toBe('http://mac-anna.local:5443');
  });

  it('is none when there is none', () => {
    expect(clientAddress(statusOf({ addresses: [] }))).toBeUndefined();
  });
});

describe('the warning before quitting', () => {
  it.each([
    [{ clientsLast10Min: 2 }, '2 clients used this mirror in the last 10 minutes.'],
    [{ clientsLast10Min: 1 }, '1 client used this mirror in the last 10 minutes.'],
    [{ clientsLast10Min: 0, activeTransfers: 1 }, '1 transfer is under way.'],
    [{ clientsLast10Min: 0, activeTransfers: 2 }, '2 transfers are under way.'],
  ])('names who would miss the mirror: %o', (changes, message) => {
    expect(quitWarning(running(changes))?.message).toBe(message);
  });

  it.each<[string, HostState]>([
    ['nobody used it', running({ clientsLast10Min: 0 })],
    ['it serves nobody anyway', running({ listening: false })],
    ['it does not run', { kind: 'stopped' }],
  ])('is left out when %s', (_, host) => {
    expect(quitWarning(host)).toBeUndefined();
  });
});
