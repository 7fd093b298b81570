import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MirrorWindow, pageUrl } from '../../../electron/window.ts';
import { fakeElectron } from './electron-double.ts';
import type { FakeElectron } from './electron-double.ts';
import { fakeEvent } from './window-double.ts';
import type { FakeWindow } from './window-double.ts';

let directory: string;
let electron: FakeElectron;
let adminUrl: string | undefined;
let closeRequests: number;
let window: MirrorWindow;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'window-'));
  electron = fakeElectron(directory);
  adminUrl = 'http://127.0.0.1:5051/';
  closeRequests = 0;
  window = newWindow();
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

function newWindow(): MirrorWindow {
  return new MirrorWindow({
    electron: electron.parts,
    preloadFile: '/app/preload.cjs',
    iconFile: '/app/icon.png',
    adminUrl: () => adminUrl,
    onCloseRequest: () => (closeRequests += 1),
    onSessionEnd: () => undefined,
  });
}

function opened(): FakeWindow {
  return electron.seen.windows.at(-1)!;
}

describe('what the window shows', () => {
  it('is the admin listener, loaded once however often it is shown', async () => {
    await window.show();
    await window.show();
    expect(electron.seen.windows).toHaveLength(1);
    expect(opened()).toMatchObject({ visible: true, loaded: ['http://127.0.0.1:5051/'] });
  });

  it('is nothing while the mirror does not run', async () => {
    adminUrl = undefined;
    await window.show();
    expect(electron.seen.windows).toEqual([]);
    expect(window.trustedPage()).toBeUndefined();
  });

  it('is the page asked for', async () => {
    await window.show('/cache?repository=ghcr.io%2Forg%2Fapp');
    expect(opened().loaded).toEqual(['http://127.0.0.1:5051/#/cache?repository=ghcr.io%2Forg%2Fapp']);
  });

  it('is loaded again when the admin listener has moved', async () => {
    await window.show();
    adminUrl = 'http://127.0.0.1:6000/';
    await window.show();
    expect(opened().loaded).toEqual(['http://127.0.0.1:5051/', 'http://127.0.0.1:6000/']);
    expect(window.trustedPage()).toEqual({ webContentsId: 1, origin: 'http://127.0.0.1:6000' });
  });

  it('is loaded again after its process has died', async () => {
    await window.show();
    opened().webContents.emit('render-process-gone');
    await window.show();
    expect(opened().loaded).toHaveLength(2);
  });

  it('comes back from being minimized', async () => {
    await window.show();
    opened().minimized = true;
    await window.show();
    expect(opened().minimized).toBe(false);
  });

  it('cannot be made a page elsewhere by a path', () => {
    expect(pageUrl('http://127.0.0.1:5051/', 'http://evil.test/')).toBe('http://127.0.0.1:5051/#/http://evil.test/');
    expect(pageUrl('http://127.0.0.1:5051/', '//evil.test')).toBe('http://127.0.0.1:5051/#//evil.test');
  });
});

describe('the way out of the window', () => {
  beforeEach(() => window.show());

  it('is shut: isolated, sandboxed, without Node, without embedded browsers', () => {
    expect(opened().options.webPreferences).toMatchObject({
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      nodeIntegrationInSubFrames: false,
      nodeIntegrationInWorker: false,
      webSecurity: true,
      webviewTag: false,
      preload: '/app/preload.cjs',
    });
  });

  it.each(['will-frame-navigate', 'will-redirect'])('is shut to other origins: %s', (name) => {
    const elsewhere = [
      'https://evil.test/',
      'http://127.0.0.1:5050/',
      'file:///etc/passwd',
      'javascript:alert(1)',
      'about:blank',
    ];
    const prevented = elsewhere.map((url) => {
      const event = { ...fakeEvent(), url };
      let isPrevented = false;
      event.preventDefault = () => (isPrevented = true);
      opened().webContents.emit(name, event);
      return isPrevented;
    });
    expect(prevented).toEqual(elsewhere.map(() => true));
  });

  it('lets the page reload itself', () => {
    let isPrevented = false;
    const event = { url: 'http://127.0.0.1:5051/', preventDefault: () => (isPrevented = true) };
    opened().webContents.emit('will-frame-navigate', event);
    expect(isPrevented).toBe(false);
  });

  it('opens no second window, not even for its own pages', () => {
    const details = { url: 'http://127.0.0.1:5051/' } as never;
    expect(opened().webContents.openHandler?.(details)).toEqual({ action: 'deny' });
  });

  it('attaches no embedded browser and starts no download', () => {
    const events = [fakeEvent(), fakeEvent()];
    opened().webContents.emit('will-attach-webview', events[0]);
    electron.session.emit('will-download', events[1]);
    expect(events.map((event) => event.defaultPrevented)).toEqual([true, true]);
  });

  it('asks for nothing on the network but the admin listener', () => {
    const urls = [
      'http://127.0.0.1:5051/assets/main.js',
      'data:image/png;base64,AA==',
      'http://127.0.0.1:5050/v2/',
      'https://fonts.example/font.woff2',
      'file:///etc/passwd',
      'ws://127.0.0.1:5051/',
    ];
    expect(urls.map((url) => electron.session.lets(url))).toEqual([true, true, false, false, false, false]);
  });

  it('grants no permission but writing text to the clipboard, and that only to its own page', () => {
    let granted: boolean | undefined;
    electron.session.permissionRequest?.({} as never, 'media', (isGranted) => (granted = isGranted), {} as never);
    const check = electron.session.permissionCheck;
    const details = { isMainFrame: true };
    expect({
      granted,
      device: electron.session.device?.({} as never),
      own: check?.(null, 'clipboard-sanitized-write', 'http://127.0.0.1:5051/', details),
      foreign: check?.(null, 'clipboard-sanitized-write', 'https://evil.test/', details),
      reading: check?.(null, 'clipboard-read', 'http://127.0.0.1:5051/', details),
    }).toEqual({ granted: false, device: false, own: true, foreign: false, reading: false });
  });
});

describe('closing', () => {
  it('is asked for and not done by the title bar', async () => {
    await window.show();
    opened().userCloses();
    expect({ closeRequests, destroyed: opened().destroyed }).toEqual({ closeRequests: 1, destroyed: false });
  });

  it('is remembered with the place of the window, for the next start', async () => {
    await window.show();
    opened().bounds = { x: 50, y: 60, width: 900, height: 650 };
    opened().maximized = true;
    window.destroy();
    electron.parts.screen.getAllDisplays = () => [{ workArea: { x: 0, y: 0, width: 1920, height: 1040 } }] as never;
    await newWindow().show();
    expect(opened().options).toMatchObject({ x: 50, y: 60, width: 900, height: 650 });
    expect(opened().maximized).toBe(true);
  });

  it('leaves nobody to trust', async () => {
    await window.show();
    window.destroy();
    expect(window.trustedPage()).toBeUndefined();
  });
});
