import type { Page } from '@playwright/test';
import type { RouteName, RouteResponse } from '../../../server/api/contract.ts';
import { routes } from '../../../server/api/contract.ts';
import { formatBytes } from '../../../renderer/format.ts';
import { randomContent } from '../../support/content.ts';
import { image, index, linuxAmd64, linuxArm64 } from '../../support/image-builder.ts';
import type { MirrorProcess } from '../../support/mirror-process.ts';
import { pullGraph } from '../../support/pull-graph.ts';
import { test } from '../support/real-window.ts';
import { expect, expectAccessible } from '../support/window.ts';

const layerBytes = 300_000;
const app = index([
  image({ platform: linuxAmd64, layers: [{ content: randomContent('one', layerBytes) }] }),
  image({ platform: linuxArm64, layers: [{ content: randomContent('two', layerBytes) }] }),
]);

async function ask<N extends RouteName>(mirror: MirrorProcess, route: N, query = ''): Promise<RouteResponse<N>> {
  const answer = await fetch(`${mirror.adminUrl}${routes[route].path}${query}`);
  // The route's own schema is what the type is made from.
  return routes[route].response.parse(await answer.json()) as RouteResponse<N>;
}

async function addUpstream(page: Page, url: string): Promise<void> {
  await page.getByRole('button', { name: /Another registry/ }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('registry.test');
  await page.getByRole('button', { name: 'Add URL' }).click();
  await page.getByRole('textbox', { name: 'URL 1' }).fill(url);
}

test('from an empty mirror to a pulled and deleted repository, all of it seen in the window', async ({
  page,
  open,
  mirror,
  upstream,
}) => {
  upstream.add('team/app', '1.0', app);
  await open('/');
  await expect(page.getByText('Set up in three steps')).toBeVisible();

  await open('/upstreams/add');
  await addUpstream(page, upstream.url);
  await page.getByRole('textbox', { name: 'Repository on the upstream' }).fill('team/app');
  await page.getByRole('textbox', { name: 'Tag or digest' }).fill('1.0');
  await page.getByRole('button', { name: 'Run the test' }).click();
  await expect(page.getByText('The test passed')).toBeVisible();
  await page.getByRole('button', { name: 'Save upstream' }).click();
  await expect(page.getByRole('listitem').filter({ hasText: 'registry.test' })).toBeVisible();

  await page.getByRole('link', { name: 'Dashboard' }).click();
  await expect(page.getByText('Waiting for the first request')).toBeVisible();
  await pullGraph(mirror.url, 'registry.test/team/app:1.0');
  const feed = page.getByRole('grid', { name: 'Live requests' });
  const pulls = feed.getByRole('row', { name: /registry\.test\/team\/app:1\.0/ });
  await expect(pulls.first()).toContainText('Miss');
  await pullGraph(mirror.url, 'registry.test/team/app:1.0');
  await expect(pulls.first()).toContainText('Hit');
  await pulls.first().click();
  await expect(page.getByRole('dialog', { name: 'Served from the cache' })).toContainText('registry.test');
  await page.keyboard.press('Escape');

  await page.getByRole('link', { name: 'Cache' }).click();
  const tree = page.getByRole('treegrid', { name: 'Cache' });
  await tree.getByRole('row', { name: /^team\/app/ }).click();
  await expect(tree.getByRole('row', { name: /^1\.0/ })).toContainText('2 of 2');
  await tree.getByRole('row', { name: /^1\.0/ }).click();
  const detail = page.getByRole('dialog', { name: 'registry.test/team/app:1.0' });
  await expect(detail).toContainText(app.digest);
  const preview = await ask(mirror, 'previewDelete', '?repository=registry.test/team/app&reference=1.0&freeNow=true');
  expect(preview.freedBytes).toBeGreaterThan(2 * layerBytes);

  await detail.getByRole('button', { name: 'Delete…' }).click();
  await expect(page.getByRole('dialog', { name: 'Delete from the cache?' })).toContainText('It can be undone until');
  await page.getByRole('checkbox', { name: /^Free the bytes now/ }).check();
  await expect(page.getByRole('dialog', { name: 'Delete from the cache?' })).toContainText(
    `${formatBytes(preview.freedBytes, 'en-GB')} on disk will be freed`,
  );
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await expect(page.getByText(`${formatBytes(preview.freedBytes, 'en-GB')} freed.`)).toBeVisible();
  await expect(tree.getByRole('row', { name: /^1\.0/ })).toHaveCount(0);
  const { upstreams } = await ask(mirror, 'listUpstreams');
  expect(upstreams.find(({ name }) => name === 'registry.test')?.contentBytes).toBe(0);
});

test('content that others pull appears in the cache without a reload, and every screen stays accessible', async ({
  page,
  open,
  mirror,
  upstream,
}) => {
  upstream.add('team/app', '1.0', app);
  await open('/upstreams/add');
  await addUpstream(page, upstream.url);
  await page.getByRole('button', { name: 'Save upstream' }).click();
  await page.getByRole('link', { name: 'Cache' }).click();
  await expect(page.getByText('The cache is empty')).toBeVisible();
  await pullGraph(mirror.url, 'registry.test/team/app:1.0');
  await expect(page.getByRole('treegrid', { name: 'Cache' }).getByRole('row', { name: /^team\/app/ })).toBeVisible();
  for (const name of ['Dashboard', 'Upstreams', 'Cache', 'Audit', 'About']) {
    await page.getByRole('link', { name, exact: true }).click();
    await page.getByRole('heading', { level: 1, name }).waitFor();
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await expectAccessible(page);
    }
  }
});

test('the tester, pins, refresh and the audit tell the truth of the running mirror', async ({
  page,
  open,
  mirror,
  upstream,
}) => {
  upstream.add('team/app', '1.0', app);
  await open('/upstreams/add');
  await addUpstream(page, upstream.url);
  await page.getByRole('button', { name: 'Save upstream' }).click();
  await page.getByRole('textbox', { name: 'Reference, as a client writes it' }).fill('registry.test/team/app:1.0');
  await page.keyboard.press('Enter');
  await expect(page.getByText('no, the first pull fetches it')).toBeVisible();
  await pullGraph(mirror.url, 'registry.test/team/app:1.0');

  await open('/cache?repository=registry.test/team/app&reference=1.0');
  await page.getByRole('button', { name: 'Pin', exact: true }).click();
  await expect(page.getByRole('button', { name: 'Unpin' })).toBeVisible();
  upstream.add('team/app', '1.0', image({ layers: ['moved'] }));
  await page.getByRole('button', { name: 'Refresh now' }).click();
  await expect(page.getByText('1 tag has moved and now leads to new content.')).toBeVisible();
  await upstream.stop();
  await page.getByRole('button', { name: 'Refresh now' }).click();
  await expect(page.getByRole('dialog').getByRole('alert')).toBeVisible();

  await open('/audit');
  const audit = page.getByRole('grid', { name: 'Audit' });
  await page.getByRole('textbox', { name: 'Search' }).fill('team/app:1.0');
  await expect(audit.getByRole('row', { name: /Pull of a manifest/ }).first()).toContainText(
    'registry.test/team/app:1.0',
  );
  await page.getByRole('combobox', { name: 'Event' }).selectOption('config_change');
  await expect(audit.getByRole('row', { name: /Change of settings/ }).first()).toBeVisible();
});

test('switching serving off closes the door to clients and opens it again', async ({ page, open, mirror }) => {
  await open('/');
  await page.getByRole('switch', { name: 'Serving' }).click();
  await page.getByRole('button', { name: 'Stop serving' }).click();
  await expect(page.getByRole('banner').getByText('Stopped')).toBeVisible();
  await expect(fetch(`${mirror.url}/v2/`)).rejects.toThrow();
  await page.getByRole('switch', { name: 'Serving' }).click();
  await expect(page.getByRole('banner').getByText('Running')).toBeVisible();
  expect((await fetch(`${mirror.url}/v2/`)).status).toBe(200);
});

test('a mirror that is killed is shown as not reachable, and its window recovers after a restart', async ({
  page,
  open,
  mirror,
}) => {
  await open('/');
  await expect(page.getByRole('banner').getByText('Running')).toBeVisible();
  await mirror.kill9();
  await expect(page.getByRole('banner').getByText('Not reachable')).toBeVisible({ timeout: 20_000 });
  await mirror.start();
  await expect(page.getByRole('banner').getByText('Running')).toBeVisible({ timeout: 20_000 });
});

test('wrong settings are refused with the mirror’s own words', async ({ page, open, upstream }) => {
  await open('/upstreams/add');
  await addUpstream(page, upstream.url);
  await page.getByRole('textbox', { name: 'Name' }).fill('docker.io');
  await page.getByRole('button', { name: 'Save upstream' }).click();
  await expect(page.getByRole('alert')).toContainText('docker.io');
});
