import { expect, it, vi } from 'vitest';
import { desktopChannels } from '../../../electron/desktop-api.ts';
import type { DesktopApi } from '../../../electron/desktop-api.ts';

const seen = vi.hoisted(() => ({ exposed: new Map<string, unknown>(), invoked: [] as unknown[][] }));

// what a sandboxed preload script may require of Electron
vi.mock('electron', () => ({
  contextBridge: { exposeInMainWorld: (name: string, api: unknown) => seen.exposed.set(name, api) },
  ipcRenderer: { invoke: (...args: unknown[]) => Promise.resolve(seen.invoked.push(args)) },
}));

it('offers the contract as window.desktop, and nothing else', async () => {
  await import('../../../electron/preload.ts');
  expect([...seen.exposed.keys()]).toEqual(['desktop']);
  const desktop = seen.exposed.get('desktop') as DesktopApi;
  expect(Object.keys(desktop).sort()).toEqual([...Object.keys(desktopChannels), 'platform'].sort());
  await desktop.copyText('text');
  await desktop.setTheme('dark');
  await desktop.showDataDirectory();
  await desktop.getStartAtLogin();
  await desktop.setStartAtLogin(true);
  expect(seen.invoked).toEqual([
    [desktopChannels.copyText, 'text'],
    [desktopChannels.setTheme, 'dark'],
    [desktopChannels.showDataDirectory],
    [desktopChannels.getStartAtLogin],
    [desktopChannels.setStartAtLogin, true],
  ]);
});
