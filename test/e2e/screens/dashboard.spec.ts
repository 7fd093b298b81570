import type { Dashboard } from '../../../server/api/contract.ts';
import { requestFixture } from '../support/fixtures.ts';
import { expect, test } from '../support/window.ts';

const noRequests = { requests: 0, hits: 0, misses: 0, stale: 0, failed: 0, bytesServed: 0, bytesFetched: 0 };

test('answers whether it is up, used and safe, and names what needs a person', async ({ page, open }) => {
  await open('/');
  const short = page.getByRole('region', { name: 'In short' });
  await expect(short).toContainText('Is it up?Yes, partly');
  await expect(short).toContainText('Is it used?Yes2,113 requests by 7 clients today');
  await expect(short).toContainText('Is it safe?Partly');
  const attention = page.getByRole('region', { name: 'Needs attention' });
  await attention.getByRole('link', { name: 'Open Upstreams' }).last().click();
  await expect(page.getByRole('heading', { level: 1, name: 'docker.io' })).toBeVisible();
});

test('shows a request as it arrives; paused, it counts what waits; resumed, it shows it', async ({
  page,
  open,
  mock,
}) => {
  await open('/');
  await mock.connected();
  const feed = page.getByRole('grid', { name: 'Live requests' });
  await expect(feed.getByRole('row')).not.toHaveCount(0);
  const arrive = (index: number, artifact: string) => {
    mock.send('requests', { rows: [{ ...requestFixture(index, Date.now()), artifact }], dropped: 0 });
  };
  arrive(9001, 'ghcr.io/new/first:1');
  await expect(feed.getByRole('row').nth(1)).toContainText('ghcr.io/new/first:1');
  await page.getByRole('button', { name: 'Pause' }).click();
  arrive(9002, 'ghcr.io/new/second:1');
  await expect(page.getByText('Paused, 1 new request')).toBeVisible();
  await expect(feed.getByText('ghcr.io/new/second:1')).toHaveCount(0);
  await page.getByRole('button', { name: 'Resume' }).click();
  await expect(feed.getByRole('row').nth(1)).toContainText('ghcr.io/new/second:1');
});

test('keeps what arrived before the page was opened, and what was there before that', async ({ page, open, mock }) => {
  await open('/upstreams');
  await mock.connected();
  mock.send('requests', {
    rows: [{ ...requestFixture(9003, Date.now()), artifact: 'ghcr.io/new/early:1' }],
    dropped: 0,
  });
  await page.getByRole('link', { name: 'Dashboard' }).click();
  const feed = page.getByRole('grid', { name: 'Live requests' });
  await expect(feed.getByRole('row').nth(1)).toContainText('ghcr.io/new/early:1');
  await expect(feed.getByRole('row').nth(2)).toContainText('ghcr.io/acme/web:2.14.1');
});

test('filters by words and by outcome, and says when nothing matches', async ({ page, open }) => {
  await open('/');
  const feed = page.getByRole('grid', { name: 'Live requests' });
  await page.getByRole('textbox', { name: 'Filter requests' }).fill('postgres');
  await expect(feed.getByRole('row').nth(1)).toContainText('postgres');
  await page.getByRole('combobox', { name: 'Outcome' }).selectOption('denied');
  await expect(page.getByText('No request matches the filter')).toBeVisible();
  await page.getByRole('button', { name: 'Clear the filter' }).click();
  await expect(feed).toBeVisible();
});

test('is walked by keyboard: arrows choose a row, Enter explains it, Esc goes back to it', async ({ page, open }) => {
  await open('/');
  const feed = page.getByRole('grid', { name: 'Live requests' });
  await feed.getByRole('row').nth(1).focus();
  for (let step = 0; step < 3; step += 1) await page.keyboard.press('ArrowDown');
  const row = feed.getByRole('row').nth(4);
  await expect(row).toBeFocused();
  await expect(row).toContainText('Miss');
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Fetched from quay.io' });
  await expect(dialog).toContainText('the next request for it is a hit');
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(row).toBeFocused();
  await page.keyboard.press('End');
  await expect(feed.getByRole('row', { name: /./ }).last()).toBeFocused();
});

test('another time span is asked for and named in the summary', async ({ page, open, mock }) => {
  await open('/');
  await page.getByText('7 days', { exact: true }).click();
  await expect(page.getByRole('img', { name: /7 days, .* of them failed/ })).toBeVisible();
  expect(mock.calls.filter(({ route }) => route === 'getDashboard').at(-1)?.query).toEqual({ range: '7d' });
});

test('the values of a plot can be read as a table', async ({ page, open }) => {
  await open('/');
  await page.getByRole('button', { name: 'Show as table: Requests' }).click();
  const table = page.getByRole('region', { name: 'Requests as a table' });
  await expect(table.getByRole('columnheader')).toHaveText(['From', 'Hits', 'Misses', 'Stale', 'Failed']);
  await expect(table.getByRole('row')).toHaveCount(61);
});

test('the pull quota is plotted over time, with what each upstream told last below', async ({ page, open }) => {
  await open('/');
  await expect(page.getByRole('img', { name: /^docker\.io: 14 of 100 pulls left when it last told/ })).toBeVisible();
  await page.getByRole('button', { name: 'Show as table: Pull quota left' }).click();
  const table = page.getByRole('region', { name: 'Pull quota left as a table' });
  await expect(table.getByRole('columnheader')).toHaveText(['From', 'docker.io']);
  await expect(page.getByRole('main')).toContainText('14 of 100 pulls left');
});

test('a single minute with requests is a dot in the plot of the hit ratio', async ({ page, open }) => {
  await page.route('**/api/v1/dashboard*', async (route) => {
    const answer = (await (await route.fetch()).json()) as Dashboard;
    const series = answer.series.map((point, index) => (index === 30 ? point : { ...point, ...noRequests }));
    await route.fulfill({ json: { ...answer, series, quotas: [] } });
  });
  await open('/');
  const canvas = page.getByRole('img', { name: /were answered from the cache/ }).locator('canvas');
  // the line's own colour: the axes and the grid are grey
  const coloured = (element: HTMLCanvasElement): number => {
    const { data } = element.getContext('2d')!.getImageData(0, 0, element.width, element.height);
    let count = 0;
    for (let at = 0; at < data.length; at += 4)
      if (
        data[at + 3]! > 200 &&
        Math.max(data[at]!, data[at + 1]!, data[at + 2]!) - Math.min(data[at]!, data[at + 1]!, data[at + 2]!) > 60
      )
        count += 1;
    return count;
  };
  await expect.poll(() => canvas.evaluate(coloured)).toBeGreaterThan(10);
  await expect(page.getByText('No upstream has told its quota in the last 1 hour')).toBeVisible();
});

test.describe('before the first pull', () => {
  test.use({ scenario: 'empty' });

  test('shows what is left to do, with the pull command to copy, and the first request arrives below', async ({
    page,
    open,
    mock,
  }) => {
    await open('/');
    await expect(page.getByText('docker pull mirror.office.test:5050/docker.io/library/alpine:3.20')).toBeVisible();
    await expect(page.getByRole('button', { name: 'Copy pull command' })).toBeVisible();
    await expect(page.getByText('Waiting for the first request')).toBeVisible();
    await mock.connected();
    mock.send('requests', { rows: [requestFixture(0, Date.now())], dropped: 0 });
    await expect(page.getByRole('grid', { name: 'Live requests' }).getByRole('row').nth(1)).toContainText(
      'ghcr.io/acme/web:2.14.1',
    );
    await expect(page.getByText('Set up in three steps')).toBeHidden();
  });
});
