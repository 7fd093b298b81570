import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { desktopChannels } from '../../../electron/desktop-api.ts';
import type { DesktopApp } from '../../../electron/desktop-app.ts';
import { Desk } from './desk.ts';

let desk: Desk;

beforeEach(() => {
  desk = new Desk();
});

afterEach(() => {
  desk.remove();
});

describe('closing the window', () => {
  it('hides it where there is a tray, and tells so once', async () => {
    await desk.start();
    for (const _ of [1, 2]) {
      desk.window().show();
      desk.window().userCloses();
      await expect.poll(() => desk.window().visible).toBe(false);
    }
    expect({
      ended: desk.electron.app.endedWith,
      told: desk.electron.seen.notifications.length,
      destroyed: desk.window().destroyed,
    }).toEqual({
      ended: undefined,
      told: 1,
      destroyed: false,
    });
  });

  it('quits where there is none', async () => {
    desk.hasTray = false;
    await desk.start();
    desk.window().userCloses();
    await expect.poll(() => desk.electron.app.endedWith).toBe(0);
    expect(desk.mirrors[0]!.calls).toEqual(['start', 'stop', 'stopped']);
  });

  it('asks first where there is none and clients use the mirror', async () => {
    desk.hasTray = false;
    await desk.start();
    desk.mirrors[0]!.change({ clientsLast10Min: 2 });
    desk.electron.answers.push('Keep running');
    desk.window().userCloses();
    await expect.poll(() => desk.messages()).toEqual(['2 clients used this mirror in the last 10 minutes.']);
    expect({ ended: desk.electron.app.endedWith, visible: desk.window().visible }).toEqual({
      ended: undefined,
      visible: true,
    });
  });

  it('notices a tray that has come since the start', async () => {
    desk.hasTray = false;
    await desk.start();
    desk.hasTray = true;
    desk.window().userCloses();
    await expect.poll(() => desk.window().visible).toBe(false);
    expect(desk.electron.app.endedWith).toBeUndefined();
  });

  it('hides it on macOS, and the Dock brings it back', async () => {
    desk.hasTray = false;
    await desk.start([], 'darwin');
    desk.window().userCloses();
    expect(desk.window().visible).toBe(false);
    desk.electron.app.emit('activate');
    await expect.poll(() => desk.window().visible).toBe(true);
    expect(desk.electron.seen.notifications).toEqual([]);
  });
});

describe('quitting', () => {
  it('stops the mirror before the app ends', async () => {
    desk.mirrors[0]!.holdStop = true;
    await desk.start();
    desk.clickTray('Quit');
    await expect.poll(() => desk.mirrors[0]!.calls).toEqual(['start', 'stop']);
    expect({
      ended: desk.electron.app.endedWith,
      visible: desk.window().visible,
      row: desk.tray().menu[0]?.label,
    }).toEqual({
      ended: undefined,
      visible: false,
      row: 'Zhi Mirror – Stopping …',
    });
    desk.mirrors[0]!.releaseStop();
    await expect.poll(() => desk.electron.app.endedWith).toBe(0);
    expect(desk.tray().destroyed).toBe(true);
  });

  it('ends in the end although the mirror hangs', async () => {
    desk.mirrors[0]!.holdStop = true;
    await desk.start();
    desk.clickTray('Quit');
    await expect.poll(() => desk.timers.find(({ ms }) => ms === 15_000)).toBeDefined();
    desk.timers.find(({ ms }) => ms === 15_000)?.task();
    expect(desk.electron.app.endedWith).toBe(1);
  });

  it.each([
    ['Quit', 0],
    ['Keep running', undefined],
  ])('asks while clients use the mirror, and does what was chosen: %s', async (answer, ended) => {
    await desk.start();
    desk.mirrors[0]!.change({ clientsLast10Min: 2 });
    desk.electron.answers.push(answer);
    desk.clickTray('Quit');
    await expect.poll(() => desk.messages()).toHaveLength(1);
    await expect.poll(() => desk.electron.app.endedWith).toBe(ended);
    expect(desk.mirrors[0]!.calls.includes('stop')).toBe(ended === 0);
    expect(desk.electron.seen.questions).toMatchObject([{ defaultId: 1, cancelId: 1 }]);
  });

  it('asks once however often it is asked for', async () => {
    const app = await desk.start();
    desk.mirrors[0]!.change({ clientsLast10Min: 2 });
    desk.clickTray('Quit');
    await expect.poll(() => desk.messages()).toHaveLength(1);
    desk.electron.app.quit();
    await app.quit();
    expect(desk.messages()).toHaveLength(1);
  });

  it("goes the same way when the system's own Quit is used", async () => {
    await desk.start();
    desk.mirrors[0]!.change({ clientsLast10Min: 2 });
    desk.electron.app.quit();
    await expect.poll(() => desk.messages()).toHaveLength(1);
    expect(desk.electron.app.endedWith).toBeUndefined();
  });

  it.each<[string, (app: DesktopApp) => unknown]>([
    ['the system shuts down', () => desk.electron.powerMonitor.emit('shutdown')],
    ['the session ends', () => desk.window().emit('session-end')],
    ['a signal arrives', (app) => app.quitNow()],
  ])('asks nothing when %s, even over an open question', async (_, end) => {
    const app = await desk.start();
    desk.mirrors[0]!.change({ clientsLast10Min: 2 });
    desk.clickTray('Quit');
    await expect.poll(() => desk.messages()).toHaveLength(1);
    void end(app);
    await expect.poll(() => desk.electron.app.endedWith).toBe(0);
    expect(desk.mirrors[0]!.calls).toEqual(['start', 'stop', 'stopped']);
  });

  it('does not happen because the last window was closed', async () => {
    await desk.start();
    expect(desk.electron.app.listenerCount('window-all-closed')).toBe(1);
  });
});

describe('the tray', () => {
  it('copies the address and says so', async () => {
    await desk.start();
    desk.clickTray('https://mac-anna.local:5443');
    await expect.poll(() => desk.electron.seen.notifications).toMatchObject([{ body: 'https://mac-anna.local:5443' }]);
    expect(desk.electron.seen.copied).toEqual(['https://mac-anna.local:5443']);
  });

  it('switches serving and offline mode, and shows what holds then', async () => {
    await desk.start();
    desk.clickTray('Serving on network');
    desk.clickTray('Offline mode');
    await expect.poll(() => desk.mirrors[0]!.calls).toEqual(['start', 'serving false', 'offline true']);
    expect(desk.tray().images.at(-1)).toMatchObject({ file: '/app/tray/stopped-dark.png' });
    const marks = desk
      .tray()
      .menu.filter((item) => item.type === 'checkbox')
      .map((item) => item.checked);
    expect(marks).toEqual([false, true]);
  });

  it('tells why a switch was refused and puts its check mark back', async () => {
    await desk.start();
    desk.mirrors[0]!.switchFailure = new Error('Port 5050 is in use.');
    desk.electron.answers.push('OK');
    const before = desk.tray().menus.length;
    desk.clickTray('Serving on network');
    await expect.poll(() => desk.tray().menus.length).toBe(before + 1);
    expect(desk.electron.seen.questions).toMatchObject([
      { message: 'Serving could not be switched.', detail: 'Port 5050 is in use.' },
    ]);
    expect(desk.tray().menu.find((item) => item.label === 'Serving on network')?.checked).toBe(true);
  });

  it('opens the page that helps', async () => {
    await desk.start();
    desk.mirrors[0]!.change({
      attention: [{ id: 'disk', severity: 'warning', title: 'Disk is low', detail: '', link: '/cache' }],
    });
    const needsYou = desk.tray().menu.find((item) => item.label === 'Needs you');
    const row = Array.isArray(needsYou?.submenu) ? needsYou.submenu[0] : undefined;
    (row?.click as () => void)();
    await expect.poll(() => desk.window().loaded.at(-1)).toBe('http://127.0.0.1:5051/#/cache');
  });

  it('is drawn anew when the colours of the system change', async () => {
    await desk.start();
    desk.electron.parts.nativeTheme.shouldUseDarkColorsForSystemIntegratedUI = true;
    desk.electron.parts.nativeTheme.emit('updated');
    expect(desk.tray().images.at(-1)).toMatchObject({ file: '/app/tray/running-light.png' });
  });
});

describe("the window's calls", () => {
  const url = 'http://127.0.0.1:5051/#/';

  function call(name: keyof typeof desktopChannels, ...args: unknown[]): Promise<unknown> {
    const sender = { id: desk.window().webContents.id };
    return desk.electron.parts.ipcMain.invoke(
      desktopChannels[name],
      { sender, senderFrame: { url, parent: null } },
      ...args,
    );
  }

  it('copy text, set the theme and show the data directory', async () => {
    await desk.start();
    await call('copyText', 'docker pull x');
    await call('setTheme', 'dark');
    await call('showDataDirectory');
    expect({ ...desk.electron.seen, theme: desk.electron.parts.nativeTheme.themeSource }).toMatchObject({
      copied: ['docker pull x'],
      theme: 'dark',
      opened: ['/var/lib/zhi-mirror'],
    });
  });

  it('say what went wrong with the data directory', async () => {
    await desk.start();
    desk.electron.parts.shell.openPath = () => Promise.resolve('No application is registered');
    await expect(call('showDataDirectory')).rejects.toThrow('No application is registered');
  });

  it('switch the start at login on and off where the system has such a list', async () => {
    desk.electron.app.isPackaged = true;
    await desk.start([], 'win32');
    const answers = [
      await call('getStartAtLogin'),
      await call('setStartAtLogin', true),
      await call('setStartAtLogin', false),
    ];
    expect(answers).toEqual(['off', 'on', 'off']);
    expect(desk.electron.app.loginItem).toEqual({ openAtLogin: false, args: ['--hidden'] });
  });

  it.each<[NodeJS.Platform, boolean]>([
    ['linux', true],
    ['win32', false],
  ])('change nothing on %s, installed: %s', async (platform, isPackaged) => {
    desk.electron.app.isPackaged = isPackaged;
    await desk.start([], platform);
    expect([await call('setStartAtLogin', true), desk.electron.app.loginItem]).toEqual(['unsupported', {}]);
  });

  it('are refused from a page that was there before the mirror stopped', async () => {
    const app = await desk.start();
    const sender = { id: desk.window().webContents.id };
    await app.quitNow();
    const event = { sender, senderFrame: { url, parent: null } };
    await expect(desk.electron.parts.ipcMain.invoke(desktopChannels.copyText, event, 'x')).rejects.toMatchObject({
      code: 'DENIED',
    });
  });
});
