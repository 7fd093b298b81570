import type { Page } from '@playwright/test';
import { expect, expectAccessible, test } from '../support/window.ts';
import type { Scenario } from '../support/mock-answers.ts';

interface Screen {
  readonly name: string;
  readonly path: string;
  readonly scenario?: Scenario;
  /** Brings the screen into the state that is looked at. */
  readonly prepare?: (page: Page) => Promise<void>;
}

const screens: readonly Screen[] = [
  {
    name: 'Dashboard',
    path: '/',
    prepare: (page) => page.getByRole('img', { name: /of them failed/ }).waitFor(),
  },
  {
    name: 'Dashboard, plots as tables',
    path: '/',
    prepare: async (page) => {
      for (const plot of ['Requests', 'Hit ratio', 'Bytes']) {
        await page.getByRole('button', { name: `Show as table: ${plot}` }).click();
      }
    },
  },
  {
    name: 'Dashboard before the first pull',
    path: '/',
    scenario: 'empty',
    prepare: (page) => page.getByText('Set up in three steps').waitFor(),
  },
  {
    name: 'Explanation of a request',
    path: '/',
    prepare: async (page) => {
      await page
        .getByRole('grid', { name: 'Live requests' })
        .getByRole('row', { name: /Failed/ })
        .first()
        .click();
      await page.getByRole('dialog').getByText('Run Test on the upstream').waitFor();
    },
  },
  { name: 'Upstreams', path: '/upstreams', prepare: (page) => page.getByText('14 of 100 pulls left').waitFor() },
  {
    name: 'Upstreams, none yet',
    path: '/upstreams',
    scenario: 'empty',
    prepare: (page) => page.getByText('No upstream yet').waitFor(),
  },
  {
    name: 'Add upstream',
    path: '/upstreams/add',
    prepare: async (page) => {
      await page.getByRole('button', { name: /ECR Public/ }).click();
      await page.getByText('More settings').click();
      await page.getByRole('button', { name: 'Run the test' }).click();
      await page.getByText('The test passed').waitFor();
    },
  },
  {
    name: 'One upstream',
    path: '/upstreams/edit?name=docker.io',
    prepare: (page) => page.getByText('acme-ci').waitFor(),
  },
  {
    name: 'One upstream, locked',
    path: '/upstreams/edit?name=quay.io',
    scenario: 'locked',
    prepare: (page) => page.getByText('sets this upstream').waitFor(),
  },
  {
    name: 'Import of Docker logins',
    path: '/upstreams',
    prepare: async (page) => {
      await page.getByRole('button', { name: 'Import Docker logins' }).click();
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'Cache',
    path: '/cache',
    prepare: async (page) => {
      await page.getByRole('row', { name: /acme\/web/ }).click();
      await page.getByRole('row', { name: /2\.13\.1/ }).focus();
      await page.keyboard.press(' ');
      await page.getByText('1 item selected').waitFor();
    },
  },
  {
    name: 'Cache, empty',
    path: '/cache',
    scenario: 'empty',
    prepare: (page) => page.getByText('The cache is empty').waitFor(),
  },
  {
    name: 'Cache, unreadable',
    path: '/cache',
    scenario: 'failing',
    prepare: (page) => page.getByText('disk I/O error').waitFor(),
  },
  {
    name: 'Manifest',
    path: '/cache?repository=ghcr.io/acme/web&reference=latest',
    prepare: (page) => page.getByText('Platforms, 2 of 5 held').waitFor(),
  },
  {
    name: 'Deletion',
    path: '/cache?repository=ghcr.io/acme/web&reference=latest',
    prepare: async (page) => {
      await page.getByRole('button', { name: 'Delete…' }).click();
      await page.getByText('on disk will be freed').waitFor();
    },
  },
  { name: 'Audit', path: '/audit', prepare: (page) => page.getByRole('grid', { name: 'Audit' }).waitFor() },
  { name: 'About', path: '/about', prepare: (page) => page.getByText('/var/lib/zhi-mirror').waitFor() },
  { name: 'A page that does not exist', path: '/nowhere' },
];

for (const { name, path, scenario, prepare } of screens) {
  test.describe(name, () => {
    test.use({ scenario: scenario ?? 'busy' });

    for (const colorScheme of ['light', 'dark'] as const) {
      test(`is accessible in ${colorScheme}`, async ({ page, open }) => {
        await page.emulateMedia({ colorScheme });
        await open(path);
        await prepare?.(page);
        await expectAccessible(page);
      });
    }

    test('needs no sideways scrolling at 1024 × 700 and at 200 % zoom', async ({ page, open }) => {
      await open(path);
      await prepare?.(page);
      for (const viewport of [
        { width: 1024, height: 700 },
        { width: 512, height: 350 },
      ]) {
        await page.setViewportSize(viewport);
        await expect
          .poll(() => page.evaluate(() => document.documentElement.scrollWidth))
          .toBeLessThanOrEqual(viewport.width);
      }
    });
  });
}
