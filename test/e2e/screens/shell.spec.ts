import { gzipSync } from 'node:zlib';
import { expect, tabTo, test } from '../support/window.ts';

test('the skip link leads past the navigation, and a new page takes the focus to its heading', async ({
  page,
  open,
}) => {
  await open('/');
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to content' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('main')).toBeFocused();
  await page.getByRole('link', { name: 'Cache' }).focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1, name: 'Cache' })).toBeFocused();
  await expect(page).toHaveTitle('Cache · Zhi Mirror');
});

test('the ring around the heading of a new page does not touch the line below it', async ({ page, open }) => {
  await open('/');
  await page.getByRole('link', { name: 'Upstreams' }).first().focus();
  await page.keyboard.press('Enter');
  const heading = page.getByRole('heading', { level: 1, name: 'Upstreams' });
  await expect(heading).toBeFocused();
  const free = await heading.evaluate((element) => {
    const { outlineWidth, outlineOffset } = getComputedStyle(element);
    const ring = Number.parseFloat(outlineWidth) + Number.parseFloat(outlineOffset);
    const below = element.nextElementSibling?.getBoundingClientRect().top ?? Number.NaN;
    return { ring, gap: below - element.getBoundingClientRect().bottom - ring };
  });
  expect(free.ring).toBeGreaterThanOrEqual(2);
  expect(free.gap).toBeGreaterThanOrEqual(1);
});

test('the theme is System at first, can be chosen, and is remembered', async ({ page, open }) => {
  await page.emulateMedia({ colorScheme: 'dark' });
  await open('/about');
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await background();
  await page.getByText('Light', { exact: true }).click();
  await expect.poll(background).not.toBe(dark);
  await page.reload();
  await expect(page.getByRole('radio', { name: 'Light' })).toBeChecked();
  await expect.poll(background).not.toBe(dark);
});

test('a mirror that no longer answers is not shown as running, and comes back by itself', async ({
  page,
  open,
  mock,
}) => {
  await open('/');
  const header = page.getByRole('banner');
  await expect(header.getByText('Needs attention')).toBeVisible();
  mock.setDown(true);
  await expect(header.getByText('Not reachable')).toBeVisible({ timeout: 20_000 });
  await expect(header.getByRole('switch')).toHaveCount(0);
  mock.setDown(false);
  await expect(header.getByText('Needs attention')).toBeVisible({ timeout: 20_000 });
});

test('a status event changes the header at once', async ({ page, open, mock }) => {
  await open('/about');
  await mock.connected();
  mock.send('status', { ...mock.state.status, state: 'working', activeTransfers: 5, clientsLast10Min: 9 });
  const header = page.getByRole('banner');
  await expect(header.getByText('Working')).toBeVisible();
  await expect(header.getByText('9 clients · 5 transfers')).toBeVisible();
});

test('switching off asks first and says who is affected; Cancel has the focus and Esc changes nothing', async ({
  page,
  open,
  mock,
}) => {
  await open('/');
  await page.getByRole('switch', { name: 'Serving' }).focus();
  await page.keyboard.press('Space');
  const dialog = page.getByRole('dialog', { name: 'Stop serving?' });
  await expect(dialog.getByText('3 clients used this mirror in the last 10 minutes.')).toBeVisible();
  await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  expect(mock.state.status.listening).toBe(true);
  await expect(page.getByRole('switch', { name: 'Serving' })).toBeFocused();
  await page.keyboard.press('Space');
  await tabTo(page, 'button', 'Stop serving');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('banner').getByText('Stopped')).toBeVisible();
  expect(mock.state.status.listening).toBe(false);
});

test('the offline switch takes effect and says what it means', async ({ page, open, mock }) => {
  await open('/');
  await page.getByRole('switch', { name: 'Offline' }).focus();
  await page.keyboard.press('Space');
  await expect(page.getByRole('banner').getByText('upstreams are not asked')).toBeVisible();
  expect(mock.state.status.offline).toBe(true);
});

test('the address is copied and that is said', async ({ page, open, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await open('/');
  await page.getByRole('button', { name: 'Copy address' }).first().click();
  await expect(page.getByText('address copied')).toBeAttached();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('mirror.office.test:5050');
});

test('the first screen needs at most 350 kB, compressed', async ({ page, open }) => {
  const bodies: Promise<Buffer>[] = [];
  page.on('response', (response) => {
    if (/\.(?:js|css)$/.test(new URL(response.url()).pathname)) bodies.push(response.body());
  });
  await open('/');
  await page.getByRole('img', { name: /of them failed/ }).waitFor();
  const sizes = (await Promise.all(bodies)).map((body) => gzipSync(body).length);
  expect(sizes.length).toBeGreaterThan(2);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(350_000);
});

test('in forced colours every state keeps its shape and its word', async ({ page, open }) => {
  await page.emulateMedia({ forcedColors: 'active' });
  await open('/');
  const badge = page.getByRole('banner').getByText('Needs attention');
  await expect(badge.locator('svg')).toBeVisible();
  expect(await badge.evaluate((element) => getComputedStyle(element).borderTopStyle)).toBe('solid');
});
