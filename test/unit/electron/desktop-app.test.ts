import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SecretBox } from '../../../server/app.types.ts';
import { desktopChannels } from '../../../electron/desktop-api.ts';
import { DesktopApp } from '../../../electron/desktop-app.ts';
import { noFacts } from '../../../electron/tray-facts.ts';
import { fakeElectron, fakeEvent } from './electron-double.ts';
import type { FakeElectron, FakeWindow } from './electron-double.ts';
import { FakeMirror } from './mirror-double.ts';

let userData: string;
let electron: FakeElectron;
let mirrors: FakeMirror[];
let created: { readonly args: readonly string[]; readonly box: SecretBox | undefined }[];
let hasTray: boolean;
let log: string[];
let timers: { readonly ms: number; readonly task: () => void; isCancelled: boolean }[];

beforeEach(() => {
  userData = mkdtempSync(join(tmpdir(), 'desktop-'));
  electron = fakeElectron(userData);
  mirrors = [new FakeMirror()];
  created = [];
  hasTray = true;
  log = [];
  timers = [];
});

afterEach(() => {
  rmSync(userData, { recursive: true });
});

function newApp(platform: NodeJS.Platform, argv: readonly string[]): DesktopApp {
  const timer = (ms: number, task: () => void): (() => void) => {
    const entry = { ms, task, isCancelled: false };
    timers.push(entry);
    return () => (entry.isCancelled = true);
  };
  return new DesktopApp({
    electron: electron.parts,
    createMirror: (args, box) => {
      created.push({ args, box });
      return Promise.resolve(mirrors[created.length - 1] ?? mirrors.at(-1)!);
    },
    files: { preload: '/app/preload.cjs', appIcon: '/app/icon.png', trayIcons: '/app/tray' },
    environment: { platform, argv: ['electron', '/app', ...argv], desktop: 'KDE' },
    hasTray: () => Promise.resolve(hasTray),
    fetchFacts: () => Promise.resolve(noFacts),
    clock: { now: () => 0, every: timer, after: timer },
    formatTime: () => '14:05',
    log: (line) => log.push(line),
  });
}

/** An app that has started, or has failed to. */
async function started(argv: readonly string[] = [], platform: NodeJS.Platform = 'linux'): Promise<DesktopApp> {
  const app = newApp(platform, argv);
  electron.app.becomeReady();
  const run = app.run();
  // an unanswered question keeps run() waiting, as it does a person's machine
  await Promise.race([
    run,
    expect
      .poll(() => electron.seen.questions.length)
      .toBeGreaterThan(0)
      .catch(() => run),
  ]);
  return app;
}

function window(): FakeWindow {
  return electron.seen.windows.at(-1)!;
}

function tray() {
  return electron.seen.trays.at(-1)!;
}

function clickTray(label: string): void {
  (tray().menu.find((item) => item.label === label)?.click as () => void)();
}

function messages(): (string | undefined)[] {
  return electron.seen.questions.map((question) => question.message);
}

describe('starting', () => {
  it('starts the mirror with the flags, sealed by the keychain, and shows the window', async () => {
    await started(['--listen', ':6000', '--disable-gpu']);
    expect(created).toMatchObject([{ args: ['--listen', ':6000'] }]);
    const box = created[0]!.box!;
    expect(box.open(box.seal('secret'))).toBe('secret');
    expect(window()).toMatchObject({ visible: true, loaded: ['http://127.0.0.1:5051/'] });
    expect(tray().menu[0]?.label).toBe('Zhi Mirror – Running · 0 clients');
  });

  it('leaves secrets to the key file, and says so, where there is no keychain', async () => {
    electron.parts.safeStorage.backend = 'basic_text';
    await started();
    expect(created).toMatchObject([{ box: undefined }]);
    expect(log).toEqual([expect.stringContaining('key file')]);
  });

  it('gives way to the instance that runs, without touching the mirror', async () => {
    electron.app.hasLock = false;
    await started();
    expect({ ended: electron.app.endedWith, created, trays: electron.seen.trays }).toEqual({
      ended: 0,
      created: [],
      trays: [],
    });
  });

  it('stays in the tray when asked to', async () => {
    await started(['--hidden']);
    expect(electron.seen.windows).toEqual([]);
    expect(tray().menu[0]?.label).toContain('Running');
  });

  it('shows the window although it was asked to hide where it could not be found again', async () => {
    hasTray = false;
    await started(['--hidden']);
    expect(window().visible).toBe(true);
  });

  it('stays in the menu bar when macOS started it at login', async () => {
    electron.app.wasOpenedAtLogin = true;
    await started([], 'darwin');
    expect(electron.seen.windows).toEqual([]);
  });

  it('never puts itself into the list of login items', async () => {
    electron.app.isPackaged = true;
    await started([], 'win32');
    expect(electron.app.loginItem).toEqual({});
  });

  it('leaves the system as it is when it runs from a checkout, and takes its links when installed', async () => {
    await started();
    expect(electron.app.protocols).toEqual([]);
    electron = fakeElectron(userData);
    electron.app.isPackaged = true;
    await started();
    expect(electron.app.protocols).toEqual(['zhi-mirror']);
  });

  it('has a menu bar on macOS alone', async () => {
    await started([], 'linux');
    await started([], 'darwin');
    expect(electron.seen.applicationMenus).toEqual([
      null,
      { template: [{ role: 'appMenu' }, { role: 'editMenu' }, { role: 'windowMenu' }] },
    ]);
  });

  it('is known to Windows by the name its installer uses', async () => {
    await started([], 'win32');
    expect(electron.app.userModelId).toBe('io.zhi.mirror');
  });
});

describe('starting it again while it runs', () => {
  it('shows the window', async () => {
    await started(['--hidden']);
    electron.app.emit('second-instance', fakeEvent(), ['electron', '/app']);
    await expect.poll(() => electron.seen.windows[0]?.visible).toBe(true);
  });

  it('opens the page of a link', async () => {
    await started();
    electron.app.emit('second-instance', fakeEvent(), ['electron', '/app', 'zhi-mirror://audit']);
    await expect.poll(() => window().loaded).toEqual(['http://127.0.0.1:5051/', 'http://127.0.0.1:5051/#/audit']);
  });

  it('shows the window later when the mirror is still starting', async () => {
    const app = newApp('linux', []);
    const run = app.run();
    electron.app.emit('open-url', fakeEvent(), 'zhi-mirror://cache');
    electron.app.becomeReady();
    await run;
    expect(window().loaded).toEqual(['http://127.0.0.1:5051/#/cache']);
  });
});

describe('a start that fails', () => {
  beforeEach(() => {
    mirrors[0]!.startFailure = Object.assign(new Error('Port 5051 is in use; 5052 is free.'), { code: 'PORT_IN_USE' });
    mirrors.push(new FakeMirror());
  });

  it('is told, and tried again when asked', async () => {
    electron.answers.push('Try again');
    await started();
    await expect.poll(() => electron.seen.windows.length).toBe(1);
    expect(electron.seen.questions).toMatchObject([
      { message: 'Zhi Mirror could not start.', detail: 'Port 5051 is in use; 5052 is free.', type: 'error' },
    ]);
    expect(window().visible).toBe(true);
  });

  it('ends the app when that is chosen', async () => {
    electron.answers.push('Quit');
    await started();
    await expect.poll(() => electron.app.endedWith).toBe(0);
  });

  it('waits in the tray, where it can be tried again', async () => {
    electron.answers.push('Keep in the tray');
    await started();
    expect(tray().images.at(-1)).toMatchObject({ file: '/app/tray/attention-dark.png' });
    clickTray('Start Zhi Mirror again');
    await expect.poll(() => electron.seen.windows[0]?.visible).toBe(true);
  });

  it('offers the tray only where there is one', async () => {
    hasTray = false;
    await started();
    expect(electron.seen.questions).toMatchObject([{ buttons: ['Try again', 'Quit'] }]);
  });

  it('is a notification, not a dialog, when it was to start hidden', async () => {
    await started(['--hidden']);
    expect(messages()).toEqual([]);
    expect(electron.seen.notifications).toMatchObject([{ title: 'Zhi Mirror could not start' }]);
  });

  it('is told again when the app is started again, but never twice at once', async () => {
    electron.answers.push('Keep in the tray');
    const app = await started();
    void app.show();
    await expect.poll(messages).toHaveLength(2);
    await app.show();
    expect(messages()).toHaveLength(2);
  });

  it('happens too when the keychain that sealed the secrets is gone', async () => {
    mirrors[0]!.startFailure = undefined;
    electron.answers.push('Quit');
    await started();
    electron = fakeElectron(userData);
    electron.parts.safeStorage.isAvailable = false;
    await started();
    expect(electron.seen.questions[0]?.detail).toContain('keychain');
  });
});

describe('closing the window', () => {
  it('hides it where there is a tray, and tells so once', async () => {
    await started();
    for (const _ of [1, 2]) {
      window().show();
      window().userCloses();
      await expect.poll(() => window().visible).toBe(false);
    }
    expect({
      ended: electron.app.endedWith,
      told: electron.seen.notifications.length,
      destroyed: window().destroyed,
    }).toEqual({
      ended: undefined,
      told: 1,
      destroyed: false,
    });
  });

  it('quits where there is none', async () => {
    hasTray = false;
    await started();
    window().userCloses();
    await expect.poll(() => electron.app.endedWith).toBe(0);
    expect(mirrors[0]!.calls).toEqual(['start', 'stop', 'stopped']);
  });

  it('asks first where there is none and clients use the mirror', async () => {
    hasTray = false;
    await started();
    mirrors[0]!.change({ clientsLast10Min: 2 });
    electron.answers.push('Keep running');
    window().userCloses();
    await expect.poll(messages).toEqual(['2 clients used this mirror in the last 10 minutes.']);
    expect({ ended: electron.app.endedWith, visible: window().visible }).toEqual({ ended: undefined, visible: true });
  });

  it('notices a tray that has come since the start', async () => {
    hasTray = false;
    await started();
    hasTray = true;
    window().userCloses();
    await expect.poll(() => window().visible).toBe(false);
    expect(electron.app.endedWith).toBeUndefined();
  });

  it('hides it on macOS, and the Dock brings it back', async () => {
    hasTray = false;
    await started([], 'darwin');
    window().userCloses();
    expect(window().visible).toBe(false);
    electron.app.emit('activate');
    await expect.poll(() => window().visible).toBe(true);
    expect(electron.seen.notifications).toEqual([]);
  });
});

describe('quitting', () => {
  it('stops the mirror before the app ends', async () => {
    mirrors[0]!.holdStop = true;
    await started();
    clickTray('Quit');
    await expect.poll(() => mirrors[0]!.calls).toEqual(['start', 'stop']);
    expect({ ended: electron.app.endedWith, visible: window().visible, row: tray().menu[0]?.label }).toEqual({
      ended: undefined,
      visible: false,
      row: 'Zhi Mirror – Stopping …',
    });
    mirrors[0]!.releaseStop();
    await expect.poll(() => electron.app.endedWith).toBe(0);
    expect(tray().destroyed).toBe(true);
  });

  it('ends in the end although the mirror hangs', async () => {
    mirrors[0]!.holdStop = true;
    await started();
    clickTray('Quit');
    await expect.poll(() => timers.find(({ ms }) => ms === 15_000)).toBeDefined();
    timers.find(({ ms }) => ms === 15_000)?.task();
    expect(electron.app.endedWith).toBe(1);
  });

  it.each([
    ['Quit', 0],
    ['Keep running', undefined],
  ])('asks while clients use the mirror, and does what was chosen: %s', async (answer, ended) => {
    await started();
    mirrors[0]!.change({ clientsLast10Min: 2 });
    electron.answers.push(answer);
    clickTray('Quit');
    await expect.poll(messages).toHaveLength(1);
    await expect.poll(() => electron.app.endedWith).toBe(ended);
    expect(mirrors[0]!.calls.includes('stop')).toBe(ended === 0);
    expect(electron.seen.questions).toMatchObject([{ defaultId: 1, cancelId: 1 }]);
  });

  it('asks once however often it is asked for', async () => {
    const app = await started();
    mirrors[0]!.change({ clientsLast10Min: 2 });
    clickTray('Quit');
    await expect.poll(messages).toHaveLength(1);
    electron.app.quit();
    await app.quit();
    expect(messages()).toHaveLength(1);
  });

  it("goes the same way when the system's own Quit is used", async () => {
    await started();
    mirrors[0]!.change({ clientsLast10Min: 2 });
    electron.app.quit();
    await expect.poll(messages).toHaveLength(1);
    expect(electron.app.endedWith).toBeUndefined();
  });

  it.each<[string, (app: DesktopApp) => unknown]>([
    ['the system shuts down', () => electron.powerMonitor.emit('shutdown')],
    ['the session ends', () => window().emit('session-end')],
    ['a signal arrives', (app) => app.quitNow()],
  ])('asks nothing when %s, even over an open question', async (_, end) => {
    const app = await started();
    mirrors[0]!.change({ clientsLast10Min: 2 });
    clickTray('Quit');
    await expect.poll(messages).toHaveLength(1);
    void end(app);
    await expect.poll(() => electron.app.endedWith).toBe(0);
    expect(mirrors[0]!.calls).toEqual(['start', 'stop', 'stopped']);
  });

  it('does not happen because the last window was closed', async () => {
    await started();
    expect(electron.app.listenerCount('window-all-closed')).toBe(1);
  });
});

describe('the tray', () => {
  it('copies the address and says so', async () => {
    await started();
    clickTray('https://mac-anna.local:5443');
    await expect.poll(() => electron.seen.notifications).toMatchObject([{ body: 'https://mac-anna.local:5443' }]);
    expect(electron.seen.copied).toEqual(['https://mac-anna.local:5443']);
  });

  it('switches serving and offline mode, and shows what holds then', async () => {
    await started();
    clickTray('Serving on network');
    clickTray('Offline mode');
    await expect.poll(() => mirrors[0]!.calls).toEqual(['start', 'serving false', 'offline true']);
    expect(tray().images.at(-1)).toMatchObject({ file: '/app/tray/stopped-dark.png' });
    const marks = tray()
      .menu.filter((item) => item.type === 'checkbox')
      .map((item) => item.checked);
    expect(marks).toEqual([false, true]);
  });

  it('tells why a switch was refused and puts its check mark back', async () => {
    await started();
    mirrors[0]!.switchFailure = new Error('Port 5050 is in use.');
    electron.answers.push('OK');
    const before = tray().menus.length;
    clickTray('Serving on network');
    await expect.poll(() => tray().menus.length).toBe(before + 1);
    expect(electron.seen.questions).toMatchObject([
      { message: 'Serving could not be switched.', detail: 'Port 5050 is in use.' },
    ]);
    expect(tray().menu.find((item) => item.label === 'Serving on network')?.checked).toBe(true);
  });

  it('opens the page that helps', async () => {
    await started();
    mirrors[0]!.change({
      attention: [{ id: 'disk', severity: 'warning', title: 'Disk is low', detail: '', link: '/cache' }],
    });
    const needsYou = tray().menu.find((item) => item.label === 'Needs you');
    const row = Array.isArray(needsYou?.submenu) ? needsYou.submenu[0] : undefined;
    (row?.click as () => void)();
    await expect.poll(() => window().loaded.at(-1)).toBe('http://127.0.0.1:5051/#/cache');
  });

  it('is drawn anew when the colours of the system change', async () => {
    await started();
    electron.parts.nativeTheme.shouldUseDarkColorsForSystemIntegratedUI = true;
    electron.parts.nativeTheme.emit('updated');
    expect(tray().images.at(-1)).toMatchObject({ file: '/app/tray/running-light.png' });
  });
});

describe("the window's calls", () => {
  const url = 'http://127.0.0.1:5051/#/';

  function call(name: keyof typeof desktopChannels, ...args: unknown[]): Promise<unknown> {
    const sender = { id: window().webContents.id };
    return electron.parts.ipcMain.invoke(
      desktopChannels[name],
      { sender, senderFrame: { url, parent: null } },
      ...args,
    );
  }

  it('copy text, set the theme and show the data directory', async () => {
    await started();
    await call('copyText', 'docker pull x');
    await call('setTheme', 'dark');
    await call('showDataDirectory');
    expect({ ...electron.seen, theme: electron.parts.nativeTheme.themeSource }).toMatchObject({
      copied: ['docker pull x'],
      theme: 'dark',
      opened: ['/var/lib/zhi-mirror'],
    });
  });

  it('say what went wrong with the data directory', async () => {
    await started();
    electron.parts.shell.openPath = () => Promise.resolve('No application is registered');
    await expect(call('showDataDirectory')).rejects.toThrow('No application is registered');
  });

  it('switch the start at login on and off where the system has such a list', async () => {
    electron.app.isPackaged = true;
    await started([], 'win32');
    const answers = [
      await call('getStartAtLogin'),
      await call('setStartAtLogin', true),
      await call('setStartAtLogin', false),
    ];
    expect(answers).toEqual(['off', 'on', 'off']);
    expect(electron.app.loginItem).toEqual({ openAtLogin: false, args: ['--hidden'] });
  });

  it.each<[NodeJS.Platform, boolean]>([
    ['linux', true],
    ['win32', false],
  ])('change nothing on %s, installed: %s', async (platform, isPackaged) => {
    electron.app.isPackaged = isPackaged;
    await started([], platform);
    expect([await call('setStartAtLogin', true), electron.app.loginItem]).toEqual(['unsupported', {}]);
  });

  it('are refused from a page that was there before the mirror stopped', async () => {
    const app = await started();
    const sender = { id: window().webContents.id };
    await app.quitNow();
    const event = { sender, senderFrame: { url, parent: null } };
    await expect(electron.parts.ipcMain.invoke(desktopChannels.copyText, event, 'x')).rejects.toMatchObject({
      code: 'DENIED',
    });
  });
});
