import type { Page } from '@playwright/test';
import { digestOf } from '../support/fixtures.ts';
import { expect, tabTo, test } from '../support/window.ts';

test('content is found, selected and deleted by keyboard alone, with the bytes it frees', async ({
  page,
  open,
  mock,
}) => {
  await open('/cache');
  const tree = page.getByRole('treegrid', { name: 'Cache' });
  await tabTo(page, 'row', /^docker\.io/);
  for (let step = 0; step < 5; step += 1) await page.keyboard.press('ArrowDown');
  await expect(tree.getByRole('row', { name: /^acme\/web/ })).toBeFocused();
  await page.keyboard.press('ArrowRight');
  await expect(tree.getByRole('row', { name: /^acme\/web/ })).toHaveAttribute('aria-expanded', 'true');
  await expect(tree.getByRole('row', { name: /^latest/ })).toBeVisible();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press(' ');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press(' ');
  await expect(page.getByText('2 items selected')).toBeVisible();
  await page.keyboard.press('Shift+Tab');
  await tabBackTo(page, 'Delete…');
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Delete from the cache?' });
  await expect(dialog).toContainText(/It can be undone until .* 140\sMiB stay on disk/);
  await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused();
  await page.keyboard.press('Shift+Tab');
  await expect(dialog.getByRole('checkbox', { name: /Free the bytes now/ })).toBeFocused();
  await page.keyboard.press(' ');
  await expect(dialog).toContainText('140 MiB on disk or more will be freed');
  await tabTo(page, 'button', 'Delete 2 items');
  await page.keyboard.press('Enter');
  await expect(page.getByText('140 MiB freed.')).toBeVisible();
  await expect(tree.getByRole('row', { name: /^latest/ })).toHaveCount(0);
  expect(mock.calls.filter(({ route }) => route === 'deleteContent').map(({ body }) => body)).toEqual([
    { repository: 'ghcr.io/acme/web', reference: 'latest', freeNow: true },
    { repository: 'ghcr.io/acme/web', reference: '2.13.1', freeNow: true },
  ]);
});

async function tabBackTo(page: Page, name: string): Promise<void> {
  const target = page.getByRole('button', { name });
  for (let step = 0; step < 10; step += 1) {
    if (await target.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press('Shift+Tab');
  }
  throw new Error(`Shift+Tab does not reach ${name}`);
}

test('Enter opens a manifest; its children and referrers are opened in turn, and Back returns', async ({
  page,
  open,
}) => {
  await open('/cache');
  const tree = page.getByRole('treegrid', { name: 'Cache' });
  await tree.getByRole('row', { name: /^acme\/web/ }).click();
  await tree.getByRole('row', { name: /^latest/ }).focus();
  await page.keyboard.press('Enter');
  const detail = page.getByRole('dialog', { name: 'ghcr.io/acme/web:latest' });
  await expect(detail.getByRole('region', { name: 'Pull commands' })).toContainText('podman pull --tls-verify=false');
  await expect(detail.getByText('application/vnd.dev.sigstore.bundle.v0.3+json')).toBeVisible();
  const platforms = detail.getByRole('region', { name: 'Platforms, 2 of 5 held' });
  await expect(platforms.first().getByText('not held')).toHaveCount(3);
  await platforms.first().getByRole('button').first().click();
  const child = page.getByRole('dialog', { name: 'Manifest of ghcr.io/acme/web' });
  await expect(child.getByText('14 manifests')).toBeVisible();
  await page.goBack();
  await expect(detail).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(detail).toBeHidden();
});

test('the manifest itself is shown and copied byte for byte', async ({ page, open, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await open('/cache?repository=ghcr.io/acme/web&reference=latest');
  await page.getByText('Manifest as JSON').first().click();
  await page.getByRole('button', { name: 'Copy manifest' }).click();
  await expect(page.getByText('manifest copied')).toBeAttached();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/^\{"schemaVersion":2,/);
});

test('a tag is pinned and refreshed from its page', async ({ page, open, mock }) => {
  await open('/cache?repository=ghcr.io/acme/web&reference=latest');
  await page.getByRole('button', { name: 'Pin', exact: true }).click();
  await expect(page.getByRole('button', { name: 'Unpin' })).toBeVisible();
  await page.getByRole('button', { name: 'Refresh now' }).click();
  await expect(page.getByText('1 tag has moved and now leads to new content.')).toBeVisible();
  expect(mock.calls.filter(({ route }) => route === 'pin' || route === 'refreshTag').map(({ body }) => body)).toEqual([
    { repository: 'ghcr.io/acme/web', reference: 'latest', pinned: true },
    { repository: 'ghcr.io/acme/web', reference: 'latest' },
  ]);
});

test('states and platforms are said in words: stale, pinned, held of known', async ({ page, open }) => {
  await open('/cache');
  const tree = page.getByRole('treegrid', { name: 'Cache' });
  await tree.getByRole('row', { name: /^prometheus\/node-exporter/ }).click();
  await expect(tree.getByRole('row', { name: /^latest/ })).toContainText('Stale');
  await expect(tree.getByRole('row', { name: /^latest/ })).toContainText('2 of 5');
  await expect(tree.getByRole('row', { name: /^2\.13\.1/ })).toContainText('Pinned');
});

test('a digest is found and leads to where it is held', async ({ page, open, mock }) => {
  await open('/cache');
  const digest = digestOf('ghcr.io/acme/web 0');
  await page.getByRole('textbox', { name: 'Search' }).fill(digest);
  await expect(page.getByText(/This digest is held in 6 repositories/)).toBeVisible();
  expect(mock.calls.filter(({ route }) => route === 'listRepositories').at(-1)?.query).toMatchObject({ text: digest });
  await page.getByRole('link', { name: 'ghcr.io/acme/web' }).click();
  await expect(page.getByRole('dialog', { name: 'Manifest of ghcr.io/acme/web' })).toContainText(digest);
});

test('a search that finds nothing says so and can be cleared', async ({ page, open }) => {
  await open('/cache');
  await page.getByRole('textbox', { name: 'Search' }).fill('no-such-thing');
  await expect(page.getByText('Nothing held matches')).toBeVisible();
  await page.getByRole('button', { name: 'Clear the search' }).click();
  await expect(page.getByRole('treegrid', { name: 'Cache' })).toBeVisible();
});

test('new content appears by itself', async ({ page, open, mock }) => {
  await open('/cache');
  await expect(page.getByText('6 repositories', { exact: true })).toBeVisible();
  await mock.connected();
  mock.state.repositories = [
    ...mock.state.repositories,
    { ...mock.state.repositories[0]!, name: 'docker.io/library/redis' },
  ];
  mock.send('cache', { repositories: ['docker.io/library/redis'] });
  await expect(page.getByRole('row', { name: /^library\/redis/ })).toBeVisible();
});

test.describe('with many repositories', () => {
  test.use({ scenario: 'many' });

  test('a page is shown with the whole number and more on request; End reaches the last row', async ({
    page,
    open,
  }) => {
    await open('/cache');
    await expect(page.getByText('200 of 706 repositories')).toBeVisible();
    await page.getByRole('button', { name: 'Show more' }).click();
    await expect(page.getByText('400 of 706 repositories')).toBeVisible();
    const tree = page.getByRole('treegrid', { name: 'Cache' });
    await tree.getByRole('row', { name: /^docker\.io/ }).focus();
    await page.keyboard.press('End');
    await expect(tree.locator('[data-active="true"]')).toBeFocused();
    expect(await tree.getByRole('row').count()).toBeLessThan(80);
  });
});
