import { beforeEach, describe, expect, it } from 'vitest';
import type { HostState } from '../../../electron/mirror-host.ts';
import { MirrorTray } from '../../../electron/tray.ts';
import type { TrayCommand } from '../../../electron/tray-menu.ts';
import { fakeElectron } from './electron-double.ts';
import type { FakeElectron, FakeTray } from './electron-double.ts';
import { statusOf } from './mirror-double.ts';

let electron: FakeElectron;
let commands: TrayCommand[];

beforeEach(() => {
  electron = fakeElectron('');
  commands = [];
});

function trayOn(platform: NodeJS.Platform): {
  show: (host: HostState) => void;
  tray: MirrorTray;
  icon: () => FakeTray;
} {
  const tray = new MirrorTray({
    electron: electron.parts,
    iconDirectory: '/icons',
    platform,
    desktop: 'KDE',
    act: (command) => commands.push(command),
  });
  return { tray, show: (host) => tray.update(viewOf(host)), icon: () => electron.seen.trays.at(-1)! };
}

function viewOf(host: HostState) {
  return { host, facts: { quotas: [] }, now: 0, formatTime: () => '14:05' };
}

function running(changes: Parameters<typeof statusOf>[0] = {}): HostState {
  return { kind: 'running', status: statusOf(changes) };
}

describe('the tray', () => {
  it('sets a new menu after each change and leaves an open one alone when nothing changed', () => {
    const { show, icon } = trayOn('linux');
    show(running());
    show(running());
    expect(icon().menus).toHaveLength(1);
    show(running({ offline: true }));
    expect(icon().menus).toHaveLength(2);
    expect(icon().menu.find((item) => item.label === 'Offline mode')?.checked).toBe(true);
  });

  it('sets a new menu when only the page behind a row changed', () => {
    const { show, icon } = trayOn('linux');
    const row = { id: 'a', severity: 'info' as const, title: 'Look here', detail: '' };
    show(running({ attention: [{ ...row, link: '/cache' }] }));
    show(running({ attention: [{ ...row, link: '/upstreams' }] }));
    expect(icon().menus).toHaveLength(2);
  });

  it('sets the same menu again when asked to, because a refused click has changed its check mark', () => {
    const { tray, show, icon } = trayOn('linux');
    show(running());
    tray.redraw(viewOf(running()));
    expect(icon().menus).toHaveLength(2);
  });

  it('changes the shape with the state and the tool tip with the words', () => {
    const { show, icon } = trayOn('linux');
    show({ kind: 'starting' });
    show(running());
    show(running({ state: 'attention' }));
    expect(icon().images.map((image) => image.file)).toEqual([
      '/icons/stopped-dark.png',
      '/icons/running-dark.png',
      '/icons/attention-dark.png',
    ]);
    expect(icon().tips).toEqual([
      'Zhi Mirror – Starting …',
      'Zhi Mirror – Running · 3 clients',
      'Zhi Mirror – Needs attention · 3 clients',
    ]);
  });

  it('follows the colour of the bar', () => {
    const { show, icon } = trayOn('win32');
    show(running());
    electron.parts.nativeTheme.shouldUseDarkColorsForSystemIntegratedUI = true;
    show(running());
    expect(icon().images.map((image) => image.file)).toEqual(['/icons/running-dark.ico', '/icons/running-light.ico']);
  });

  it('is a template image on macOS, which colours it itself', () => {
    const { show, icon } = trayOn('darwin');
    show(running());
    expect(icon().images).toMatchObject([{ file: '/icons/runningTemplate.png', isTemplate: true }]);
  });

  it('opens the window at a click on Windows, and leaves the click to the menu elsewhere', () => {
    for (const platform of ['linux', 'darwin', 'win32'] as const) {
      const { show, icon } = trayOn(platform);
      show(running());
      icon().emit('click');
    }
    expect(commands).toEqual([{ kind: 'open' }]);
  });

  it('does not come back once it was removed', () => {
    const { tray, show, icon } = trayOn('linux');
    show(running());
    tray.destroy();
    show(running({ offline: true }));
    expect({ icons: electron.seen.trays.length, destroyed: icon().destroyed, menus: icon().menus.length }).toEqual({
      icons: 1,
      destroyed: true,
      menus: 1,
    });
  });
});
