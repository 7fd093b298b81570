import type { Page } from '@playwright/test';
import { expect, expectAccessible, test } from '../support/window.ts';
import type { Scenario } from '../support/mock-answers.ts';
import { zotExample } from '../../support/zot-examples.ts';

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
      for (const plot of ['Requests', 'Hit ratio', 'Bytes', 'Pull quota left']) {
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
    name: 'Import from zot',
    path: '/upstreams/import-zot',
    prepare: async (page) => {
      await page.getByRole('textbox', { name: 'Configuration' }).fill(zotExample('basic'));
      await page.getByRole('button', { name: 'Show what it becomes' }).click();
      await page.getByRole('list', { name: 'Registries' }).waitFor();
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
    name: 'Policies',
    path: '/policies?test=ghcr.io/acme/zhi-config-deprecated:v1',
    prepare: async (page) => {
      await page.getByText('Denied by rule').waitFor();
      await page.getByRole('button', { name: 'Replay over the last 30 days' }).click();
      await page.getByText('It would have denied').waitFor();
    },
  },
  {
    name: 'Policies, a file with a broken edit',
    path: '/policies',
    scenario: 'failing',
    prepare: (page) => page.getByText('The last edit does not hold').waitFor(),
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
      await page.getByText('It can be undone until').waitFor();
    },
  },
  {
    name: 'Rollback',
    path: '/cache?repository=ghcr.io/acme/web&reference=latest',
    prepare: async (page) => {
      await page.getByRole('button', { name: /^Roll back to/ }).click();
      await page.getByRole('dialog', { name: 'Roll the tag back?' }).waitFor();
    },
  },
  {
    name: 'Deleted',
    path: '/cache?view=deleted',
    prepare: (page) => page.getByText('team/app:v0.9').waitFor(),
  },
  {
    name: 'New repository',
    path: '/cache',
    prepare: async (page) => {
      await page.getByRole('button', { name: 'Create repository' }).click();
      await page.getByRole('textbox', { name: 'Name' }).fill('ghcr.io/acme/web');
      await page.getByText('such names belong to upstreams').waitFor();
    },
  },
  {
    name: 'Push to a repository',
    path: '/cache?push=team/app',
    prepare: (page) => page.getByText('docker push').waitFor(),
  },
  {
    name: 'Storage',
    path: '/storage',
    prepare: async (page) => {
      await page.getByRole('grid', { name: 'What goes next' }).waitFor();
      await page.getByLabel('Storage cap').fill('39 GiB');
      await page.getByText('at once when this is saved').waitFor();
    },
  },
  {
    name: 'Storage, empty',
    path: '/storage',
    scenario: 'empty',
    prepare: (page) => page.getByText('Nothing would go').waitFor(),
  },
  {
    name: 'Storage, locked',
    path: '/storage',
    scenario: 'locked',
    prepare: (page) => page.getByText('A greyed limit').waitFor(),
  },
  {
    name: 'Storage, unreadable',
    path: '/storage',
    scenario: 'failing',
    prepare: (page) => page.getByText('What goes next could not be read').waitFor(),
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
