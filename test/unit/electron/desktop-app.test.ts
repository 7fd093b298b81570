import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Desk } from './desk.ts';
import { FakeMirror } from './mirror-double.ts';
import { fakeEvent } from './window-double.ts';

let desk: Desk;

beforeEach(() => {
  desk = new Desk();
});

afterEach(() => {
  desk.remove();
});

describe('starting', () => {
  it('starts the mirror with the flags, sealed by the keychain, and shows the window', async () => {
    await desk.start(['--listen', ':6000', '--disable-gpu']);
    expect(desk.created).toMatchObject([{ args: ['--listen', ':6000'] }]);
    const box = desk.created[0]!.box!;
    expect(box.open(box.seal('secret'))).toBe('secret');
    expect(desk.window()).toMatchObject({ visible: true, loaded: ['http://127.0.0.1:5051/'] });
    expect(desk.tray().menu[0]?.label).toBe('Zhi Mirror – Running · 0 clients');
  });

  it('leaves secrets to the key file, and says so, where there is no keychain', async () => {
    desk.electron.parts.safeStorage.backend = 'basic_text';
    await desk.start();
    expect(desk.created).toMatchObject([{ box: undefined }]);
    expect(desk.log).toEqual([expect.stringContaining('key file')]);
  });

  it('gives way to the instance that runs, without touching the mirror', async () => {
    desk.electron.app.hasLock = false;
    await desk.start();
    expect({ ended: desk.electron.app.endedWith, created: desk.created, trays: desk.electron.seen.trays }).toEqual({
      ended: 0,
      created: [],
      trays: [],
    });
  });

  it('stays in the tray when asked to', async () => {
    await desk.start(['--hidden']);
    expect(desk.electron.seen.windows).toEqual([]);
    expect(desk.tray().menu[0]?.label).toContain('Running');
  });

  it('shows the window although it was asked to hide where it could not be found again', async () => {
    desk.hasTray = false;
    await desk.start(['--hidden']);
    expect(desk.window().visible).toBe(true);
  });

  it('stays in the menu bar when macOS started it at login', async () => {
    desk.electron.app.wasOpenedAtLogin = true;
    await desk.start([], 'darwin');
    expect(desk.electron.seen.windows).toEqual([]);
  });

  it('never puts itself into the list of login items', async () => {
    desk.electron.app.isPackaged = true;
    await desk.start([], 'win32');
    expect(desk.electron.app.loginItem).toEqual({});
  });

  it('leaves the system as it is when it runs from a checkout, and takes its links when installed', async () => {
    await desk.start();
    expect(desk.electron.app.protocols).toEqual([]);
    desk.renewElectron();
    desk.electron.app.isPackaged = true;
    await desk.start();
    expect(desk.electron.app.protocols).toEqual(['zhi-mirror']);
  });

  it.each<[NodeJS.Platform, unknown]>([
    ['linux', null],
    ['win32', null],
    ['darwin', { template: [{ role: 'appMenu' }, { role: 'editMenu' }, { role: 'windowMenu' }] }],
  ])('has a menu bar on macOS alone: %s', async (platform, menu) => {
    await desk.start([], platform);
    expect(desk.electron.seen.applicationMenus).toEqual([menu]);
  });

  it('is known to Windows by the name its installer uses', async () => {
    await desk.start([], 'win32');
    expect(desk.electron.app.userModelId).toBe('dev.zhi.mirror');
  });
});

describe('starting it again while it runs', () => {
  it('shows the window', async () => {
    await desk.start(['--hidden']);
    desk.electron.app.emit('second-instance', fakeEvent(), ['electron', '/app']);
    await expect.poll(() => desk.electron.seen.windows[0]?.visible).toBe(true);
  });

  it('opens the page of a link', async () => {
    await desk.start();
    desk.electron.app.emit('second-instance', fakeEvent(), ['electron', '/app', 'zhi-mirror://audit']);
    await expect.poll(() => desk.window().loaded).toEqual(['http://127.0.0.1:5051/', 'http://127.0.0.1:5051/#/audit']);
  });

  it('shows the window later when the mirror is still starting', async () => {
    const app = desk.create('linux', []);
    const run = app.run();
    desk.electron.app.emit('open-url', fakeEvent(), 'zhi-mirror://cache');
    desk.electron.app.becomeReady();
    await run;
    expect(desk.window().loaded).toEqual(['http://127.0.0.1:5051/#/cache']);
  });
});

describe('a start that fails', () => {
  beforeEach(() => {
    desk.mirrors[0]!.startFailure = Object.assign(new Error('Port 5051 is in use; 5052 is free.'), {
      code: 'PORT_IN_USE',
    });
    desk.mirrors.push(new FakeMirror());
  });

  it('is told, and tried again when asked', async () => {
    desk.electron.answers.push('Try again');
    await desk.start();
    await expect.poll(() => desk.electron.seen.windows.length).toBe(1);
    expect(desk.electron.seen.questions).toMatchObject([
      { message: 'Zhi Mirror could not start.', detail: 'Port 5051 is in use; 5052 is free.', type: 'error' },
    ]);
    expect(desk.window().visible).toBe(true);
  });

  it('ends the app when that is chosen', async () => {
    desk.electron.answers.push('Quit');
    await desk.start();
    await expect.poll(() => desk.electron.app.endedWith).toBe(0);
  });

  it('waits in the tray, where it can be tried again', async () => {
    desk.electron.answers.push('Keep in the tray');
    await desk.start();
    expect(desk.tray().images.at(-1)).toMatchObject({ file: '/app/tray/attention-dark.png' });
    desk.clickTray('Start Zhi Mirror again');
    await expect.poll(() => desk.electron.seen.windows[0]?.visible).toBe(true);
  });

  it('offers the tray only where there is one', async () => {
    desk.hasTray = false;
    await desk.start();
    expect(desk.electron.seen.questions).toMatchObject([{ buttons: ['Try again', 'Quit'] }]);
  });

  it('is a notification, not a dialog, when it was to start hidden', async () => {
    await desk.start(['--hidden']);
    expect(desk.messages()).toEqual([]);
    expect(desk.electron.seen.notifications).toMatchObject([{ title: 'Zhi Mirror could not start' }]);
  });

  it('is told again when the app is started again, but never twice at once', async () => {
    desk.electron.answers.push('Keep in the tray');
    const app = await desk.start();
    void app.show();
    await expect.poll(() => desk.messages()).toHaveLength(2);
    await app.show();
    expect(desk.messages()).toHaveLength(2);
  });

  it('happens too when the keychain that sealed the secrets is gone', async () => {
    desk.mirrors[0]!.startFailure = undefined;
    desk.electron.answers.push('Quit');
    await desk.start();
    desk.renewElectron();
    desk.electron.parts.safeStorage.isAvailable = false;
    await desk.start();
    expect(desk.electron.seen.questions[0]?.detail).toContain('keychain');
  });
});
