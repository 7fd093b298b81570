import { expect, test } from '@playwright/test';
import { Desktop, desktopObstacle } from './desktop.ts';

const obstacle = desktopObstacle();
test.skip(obstacle !== undefined, obstacle ?? '');

let desktop: Desktop;

test.beforeEach(async () => {
  desktop = await Desktop.start();
});

test.afterEach(async () => {
  await desktop.quit();
});

test('shows the dashboard of the mirror it hosts', async () => {
  await expect(desktop.window).toHaveTitle('Dashboard · Zhi Mirror');
  await expect(desktop.window.getByRole('heading', { level: 1, name: 'Dashboard' })).toBeVisible();
  expect(await desktop.request('status')).toMatchObject({ listening: true });
});

test('gives the page the desktop contract and nothing of Node', async () => {
  const found = await desktop.window.evaluate(() => ({
    desktop: Object.keys((window as unknown as { desktop: object }).desktop).sort(),
    leaks: ['require', 'process', 'module', 'Buffer', 'ipcRenderer'].filter((name) => name in window),
  }));
  expect(found).toEqual({
    desktop: ['copyText', 'getStartAtLogin', 'platform', 'setStartAtLogin', 'setTheme', 'showDataDirectory'],
    leaks: [],
  });
});

test('cannot be led away from its own pages', async () => {
  const home = desktop.window.url();
  const isOpened = await desktop.window.evaluate(() => window.open('https://example.com/') !== null);
  await desktop.window.evaluate(() => {
    location.href = 'https://example.com/';
  });
  // a page that had been left could not answer for the old address any more
  expect(await desktop.request('status')).toMatchObject({ listening: true });
  expect({ isOpened, url: desktop.window.url(), windows: desktop.app.windows().length }).toEqual({
    isOpened: false,
    url: home,
    windows: 1,
  });
});

test('switches offline mode from the tray, and the tray follows the window', async () => {
  await desktop.watchMenus();
  await desktop.request('offline', { offline: true });
  await expect.poll(() => desktop.menuRows()).toContain('☑ Offline mode');
  await desktop.clickMenu('Offline mode');
  await expect.poll(() => desktop.request('status')).toMatchObject({ offline: false });
  await expect.poll(() => desktop.menuRows()).toContain('☐ Offline mode');
});

test('closes and opens the network listener from the tray', async () => {
  await desktop.watchMenus();
  await desktop.request('offline', { offline: true });
  await expect.poll(() => desktop.menuRows()).toContain('☑ Serving on network');
  await desktop.clickMenu('Serving on network');
  await expect.poll(() => desktop.request('status')).toMatchObject({ listening: false, state: 'stopped' });
  await expect.poll(() => desktop.menuRows()).toContain('☐ Serving on network');
  await desktop.clickMenu('Serving on network');
  await expect.poll(() => desktop.request('status')).toMatchObject({ listening: true });
});

test('shows its window when it is started again, and the second one ends', async () => {
  await desktop.app.evaluate(({ BrowserWindow }) => {
    for (const window of BrowserWindow.getAllWindows()) window.hide();
  });
  expect(await desktop.startAgain()).toBe(0);
  const isVisible = (): Promise<boolean> =>
    desktop.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().some((window) => window.isVisible()));
  await expect.poll(isVisible).toBe(true);
});
