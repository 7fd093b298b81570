import { beforeEach, describe, expect, it } from 'vitest';
import { desktopChannels, maxCopiedCharacters } from '../../../electron/desktop-api.ts';
import type { DesktopCalls } from '../../../electron/desktop-api.ts';
import type { InvokeEventPart } from '../../../electron/electron-parts.ts';
import { answerDesktopCalls, originOf } from '../../../electron/ipc.ts';
import type { TrustedPage } from '../../../electron/ipc.ts';
import { FakeIpcMain } from './electron-double.ts';

const own: TrustedPage = { webContentsId: 1, origin: 'http://127.0.0.1:5051' };
const channel = desktopChannels.copyText;

let ipc: FakeIpcMain;
let trusted: TrustedPage | undefined;
let calls: unknown[][];

beforeEach(() => {
  ipc = new FakeIpcMain();
  trusted = own;
  calls = [];
  const record =
    (name: string) =>
    (...args: unknown[]): Promise<never> => {
      calls.push([name, ...args]);
      return Promise.resolve('answer' as never);
    };
  const recorded: DesktopCalls = {
    copyText: record('copyText'),
    setTheme: record('setTheme'),
    showDataDirectory: record('showDataDirectory'),
    getStartAtLogin: record('getStartAtLogin'),
    setStartAtLogin: record('setStartAtLogin'),
  };
  answerDesktopCalls(ipc, recorded, () => trusted);
});

function eventFrom(changes: { id?: number; url?: string; parent?: object | null } = {}): InvokeEventPart {
  const { id = 1, url = 'http://127.0.0.1:5051/#/cache', parent = null } = changes;
  return { sender: { id }, senderFrame: { url, parent } };
}

describe('the sender of a call', () => {
  it('is answered when it is the main frame of the window on the admin origin', async () => {
    await expect(ipc.invoke(channel, eventFrom(), 'text')).resolves.toBe('answer');
    expect(calls).toEqual([['copyText', 'text']]);
  });

  it.each<[string, InvokeEventPart]>([
    ['another window', eventFrom({ id: 2 })],
    ['another origin', eventFrom({ url: 'http://127.0.0.1:5052/' })],
    ['another host that begins the same', eventFrom({ url: 'http://127.0.0.1:5051.evil.test/' })],
    ['the same address with another scheme', eventFrom({ url: 'https://127.0.0.1:5051/' })],
    ['a user name that looks like the address', eventFrom({ url: 'http://127.0.0.1:5051@evil.test/' })],
    ['a local file', eventFrom({ url: 'file:///tmp/page.html' })],
    ['an empty page', eventFrom({ url: 'about:blank' })],
    ['no address', eventFrom({ url: '' })],
    ['a frame within the page', eventFrom({ parent: {} })],
    ['a frame that is gone', { sender: { id: 1 }, senderFrame: null }],
  ])('is refused when it is %s', async (_, event) => {
    await expect(ipc.invoke(channel, event, 'text')).rejects.toMatchObject({ code: 'DENIED' });
    expect(calls).toEqual([]);
  });

  it('is refused while there is no window, or the mirror does not run', async () => {
    trusted = undefined;
    await expect(ipc.invoke(channel, eventFrom(), 'text')).rejects.toMatchObject({ code: 'DENIED' });
  });

  it('is checked on every channel', async () => {
    for (const each of Object.values(desktopChannels)) {
      await expect(ipc.invoke(each, eventFrom({ id: 2 }))).rejects.toMatchObject({ code: 'DENIED' });
    }
    expect([...ipc.handlers.keys()].sort()).toEqual(Object.values(desktopChannels).sort());
  });
});

describe('the arguments of a call', () => {
  it.each<[keyof DesktopCalls, unknown[]]>([
    ['copyText', ['x'.repeat(maxCopiedCharacters)]],
    ['setTheme', ['dark']],
    ['showDataDirectory', []],
    ['getStartAtLogin', []],
    ['setStartAtLogin', [true]],
  ])('reach %s', async (name, args) => {
    await ipc.invoke(desktopChannels[name], eventFrom(), ...args);
    expect(calls).toEqual([[name, ...args]]);
  });

  it.each<[keyof DesktopCalls, unknown[]]>([
    ['copyText', []],
    ['copyText', [7]],
    ['copyText', ['x', 'y']],
    ['copyText', [{ toString: 'x' }]],
    ['copyText', ['x'.repeat(maxCopiedCharacters + 1)]],
    ['setTheme', ['blue']],
    ['setTheme', [['dark']]],
    ['showDataDirectory', ['/etc']],
    ['getStartAtLogin', [undefined]],
    ['setStartAtLogin', ['true']],
    ['setStartAtLogin', []],
  ])('are refused by %s: %j', async (name, args) => {
    await expect(ipc.invoke(desktopChannels[name], eventFrom(), ...args)).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
    });
    expect(calls).toEqual([]);
  });
});

it('gives opaque addresses no origin, so that two of them are never the same', () => {
  expect([originOf('about:blank'), originOf('data:text/html,x'), originOf('file:///x'), originOf('nonsense')]).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
