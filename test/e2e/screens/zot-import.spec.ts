import { expect, expectAccessible, tabTo, test } from '../support/window.ts';

const secret = 'never-shown-again';
const config = JSON.stringify({
  http: { port: '8080' },
  extensions: {
    sync: {
      credentialsFile: 'creds.json',
      registries: [
        {
          urls: ['https://k8s.gcr.io'],
          onDemand: true,
          pollInterval: '6h',
          content: [{ prefix: '**', destination: '/k8s', tags: { semver: true } }],
        },
        { urls: ['https://quay.io'], onDemand: false, content: [{ prefix: 'org/**' }] },
      ],
    },
  },
});
const credentials = JSON.stringify({ 'k8s.gcr.io': { username: 'ci', password: secret } });

test('a configuration is pasted, looked at and imported by keyboard alone', async ({ page, open, mock }) => {
  await open('/upstreams');
  await tabTo(page, 'button', 'Import from zot');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1, name: 'Import from zot' })).toBeFocused();
  await tabTo(page, 'textbox', 'Configuration');
  await page.keyboard.insertText(config);
  await tabTo(page, 'textbox', /^Credentials/);
  await page.keyboard.insertText(credentials);
  await tabTo(page, 'button', 'Show what it becomes');
  await page.keyboard.press('Enter');
  const entries = page.getByRole('list', { name: 'Registries' });
  await expect(entries).toContainText('k8s.gcr.io/app is pulled as k8s/app; only tags semantic versions.');
  await expect(entries).toContainText('Logs in as ci.');
  await expect(entries).toContainText('Nothing is fetched: only what is held here is served.');
  await expect(page.getByRole('main')).toContainText('pollInterval');
  await tabTo(page, 'checkbox', 'k8s.gcr.io');
  await expect(page.getByRole('checkbox', { name: 'k8s.gcr.io' })).toBeChecked();
  await tabTo(page, 'button', 'Import 1 upstream');
  await page.keyboard.press('Enter');
  await expect(page.getByText('Added: k8s.gcr.io')).toBeVisible();
  await expectAccessible(page);
  await expect(page.getByRole('button', { name: 'Show the upstreams' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('link', { name: 'k8s.gcr.io', exact: true })).toBeVisible();
  expect(mock.calls.find(({ route }) => route === 'importZotConfig')?.body).toEqual({
    content: config,
    credentials,
    entries: [{ name: 'k8s.gcr.io', onConflict: 'replace' }],
  });
});

test('what is there already is only replaced when it is chosen, and says what changes', async ({
  page,
  open,
  mock,
}) => {
  await open('/upstreams/import-zot');
  await page.getByRole('textbox', { name: 'Configuration' }).fill(config);
  await page.getByRole('button', { name: 'Show what it becomes' }).click();
  const quay = page.getByRole('listitem').filter({ hasText: 'quay.io – replace the one that is there' });
  await expect(quay).toContainText('onDemand: true → false');
  await expect(quay.getByRole('checkbox')).not.toBeChecked();
  await quay.getByRole('checkbox').check();
  await page.getByRole('checkbox', { name: 'k8s.gcr.io' }).uncheck();
  await page.getByRole('button', { name: 'Import 1 upstream' }).click();
  await expect(page.getByText('Replaced: quay.io')).toBeVisible();
  expect(mock.state.upstreams.map(({ name }) => name)).not.toContain('k8s.gcr.io');
});

test('a file is chosen; mistakes are named with line and column, and nothing can be imported', async ({
  page,
  open,
  mock,
}) => {
  await open('/upstreams/import-zot');
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Choose file: Configuration' }).click();
  await (
    await chooser
  ).setFiles({
    name: 'zot.json',
    mimeType: 'application/json',
    buffer: Buffer.from('{\n  "registries": [{"urls": ["ftp://a.test"]}]\n}'),
  });
  await expect(page.getByRole('textbox', { name: 'Configuration' })).toHaveValue(/ftp/);
  await page.getByRole('button', { name: 'Show what it becomes' }).click();
  await expect(page.getByRole('main')).toContainText(/zot\.json:2:\d+: /);
  await expect(page.getByRole('button', { name: 'Import', exact: true })).toBeDisabled();
  await expectAccessible(page);
  expect(mock.calls.filter(({ route }) => route === 'importZotConfig')).toEqual([]);
});

test('the preview goes when the text changes, and the text does not stay after the import', async ({ page, open }) => {
  await open('/upstreams/import-zot');
  const text = page.getByRole('textbox', { name: 'Configuration' });
  await text.fill(config);
  await page.getByRole('textbox', { name: /^Credentials/ }).fill(credentials);
  await page.getByRole('button', { name: 'Show what it becomes' }).click();
  await expect(page.getByRole('list', { name: 'Registries' })).toBeVisible();
  await text.fill(`${config} `);
  await expect(page.getByRole('list', { name: 'Registries' })).toHaveCount(0);
  await page.getByRole('button', { name: 'Show what it becomes' }).click();
  await page.getByRole('button', { name: 'Import 1 upstream' }).click();
  await page.getByRole('button', { name: 'Show the upstreams' }).click();
  expect(await page.content()).not.toContain(secret);
  await page.getByRole('button', { name: 'Import from zot' }).click();
  await expect(text).toHaveValue('');
});

test.describe('set by the settings file', () => {
  test.use({ scenario: 'locked' });

  test('a configuration can be looked at and not imported', async ({ page, open }) => {
    await open('/upstreams/import-zot');
    await page.getByRole('textbox', { name: 'Configuration' }).fill(config);
    await page.getByRole('button', { name: 'Show what it becomes' }).click();
    await expect(page.getByRole('list', { name: 'Registries' })).toContainText('k8s/app');
    await expect(page.getByRole('checkbox', { name: 'k8s.gcr.io' })).toBeDisabled();
    await expect(page.getByRole('button', { name: /^Import/, exact: false }).last()).toBeDisabled();
  });
});
