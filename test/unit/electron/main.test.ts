import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { fakeElectron } from './electron-double.ts';
import type { FakeElectron } from './electron-double.ts';

const hoisted = vi.hoisted((): { readonly parts: object } => ({ parts: {} }));

// everything the entry takes from Electron; what is missing here fails the import
vi.mock('electron', () => hoisted.parts);

const realArguments = process.argv;
let directory: string;
let electron: FakeElectron;
let signalListeners: Map<string, Set<unknown>>;

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'main-'));
  electron = fakeElectron(join(directory, 'user'));
  Object.assign(hoisted.parts, electron.parts);
  signalListeners = new Map(signals.map((signal) => [signal, new Set(process.listeners(signal))]));
});

afterEach(() => {
  process.argv = realArguments;
  for (const signal of signals) {
    const own = process.listeners(signal).filter((listener) => signalListeners.get(signal)?.has(listener) === false);
    for (const listener of own) process.off(signal, listener);
  }
  rmSync(directory, { recursive: true, force: true });
});

it('hosts the real mirror: window, tray and quit act on it', async () => {
  const flags = ['--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0', '--data-dir', join(directory, 'data')];
  process.argv = ['electron', '/app', ...flags, '--disable-gpu'];
  electron.app.becomeReady();
  await import('../../../electron/main.ts');

  await expect.poll(() => electron.seen.windows[0]?.loaded.length, { timeout: 8000 }).toBe(1);
  const [window] = electron.seen.windows;
  expect(window?.loaded[0]).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
  const row = (label: string) => electron.seen.trays[0]?.menu.find((item) => item.label === label);
  expect(electron.seen.trays[0]?.menu[0]?.label).toMatch(/^Zhi Mirror – (?:Running|Needs attention)/);

  (row('Serving on network')?.click as () => void)();
  await expect.poll(() => row('Serving on network')?.checked, { timeout: 8000 }).toBe(false);

  electron.app.quit();
  await expect.poll(() => electron.app.endedWith, { timeout: 8000 }).toBe(0);
});
