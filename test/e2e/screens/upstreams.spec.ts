import { expect, tabTo, test } from '../support/window.ts';

test('an upstream is chosen, tested and saved by keyboard alone', async ({ page, open, mock }) => {
  await open('/upstreams');
  await tabTo(page, 'button', 'Add upstream');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1, name: 'Add upstream' })).toBeFocused();
  await tabTo(page, 'button', /Another registry/);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('textbox', { name: 'Name' })).toBeFocused();
  await page.keyboard.type('registry.test:5000');
  await tabTo(page, 'button', 'Add URL');
  await page.keyboard.press('Enter');
  await tabTo(page, 'textbox', 'URL 1');
  await page.keyboard.type('http://127.0.0.1:5001');
  await tabTo(page, 'radio', /Check/);
  await page.keyboard.press('ArrowDown');
  await expect(page.getByRole('radio', { name: /Prefer cache/ })).toBeChecked();
  await tabTo(page, 'button', 'Run the test');
  await page.keyboard.press('Enter');
  await expect(page.getByText('The test passed')).toBeVisible();
  await page.getByRole('textbox', { name: 'Name' }).focus();
  await page.keyboard.press('Enter');
  await expect(
    page.getByRole('list', { name: 'Upstreams' }).getByRole('link', { name: 'registry.test:5000', exact: true }),
  ).toBeVisible();
  expect(mock.state.upstreams.at(-1)?.settings).toMatchObject({
    name: 'registry.test:5000',
    urls: ['http://127.0.0.1:5001'],
    mode: 'prefer-cache',
    ttl: '5m',
  });
});

test('a test shows each step as it arrives and ends with the step that failed and why', async ({ page, open }) => {
  await open('/upstreams/add');
  await page.getByRole('button', { name: /Another registry/ }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('bad.test');
  await page.getByRole('button', { name: 'Run the test' }).click();
  const steps = page.getByRole('list', { name: 'Steps of the test' }).getByRole('listitem');
  await expect(steps.nth(0)).toContainText('104.18.12.7');
  await expect(
    page.getByText('The test stopped at “Certificate”: the certificate is signed by an authority'),
  ).toBeVisible();
  await expect(steps.nth(4)).toContainText('skipped');
});

test('mistakes are named at their fields and nothing is sent', async ({ page, open, mock }) => {
  await open('/upstreams/add');
  await page.getByRole('button', { name: /Another registry/ }).click();
  await page.getByRole('textbox', { name: 'Tags stay fresh for' }).fill('soon');
  await page.getByRole('button', { name: 'Save upstream' }).click();
  await expect(page.getByText('Write the host clients use, such as ghcr.io')).toBeVisible();
  await expect(page.getByText('"soon" is not a duration such as "30s", "5m" or "24h"')).toBeVisible();
  await expect(page.getByText('2 fields need correcting.')).toBeVisible();
  expect(mock.calls.filter(({ route }) => route === 'addUpstream')).toEqual([]);
});

test('what the mirror refuses is shown where it was asked', async ({ page, open }) => {
  await open('/upstreams/add');
  await page.getByRole('button', { name: /Another registry/ }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('quay.io');
  await page.getByRole('button', { name: 'Save upstream' }).click();
  await expect(page.getByRole('alert')).toContainText('There is already an upstream named quay.io.');
});

test('URLs change places by button, by Alt and arrow, and by dragging', async ({ page, open, mock }) => {
  await open('/upstreams/edit?name=docker.io');
  const first = page.getByRole('textbox', { name: 'URL 1' });
  await expect(first).toHaveValue('https://registry-1.docker.io');
  await page.getByRole('button', { name: 'Move URL 1 down' }).click();
  await expect(first).toHaveValue('https://hub.mirror.test/v2');
  await first.focus();
  await page.keyboard.press('Alt+ArrowDown');
  await expect(first).toHaveValue('https://registry-1.docker.io');
  const urls = page.getByRole('list', { name: 'Base URLs' }).getByRole('listitem');
  await urls.nth(1).locator('[draggable]').dragTo(urls.nth(0));
  await expect(first).toHaveValue('https://hub.mirror.test/v2');
  await page.getByRole('button', { name: 'Save changes' }).click();
  await expect(page.getByText('docker.io saved')).toBeVisible();
  expect(mock.state.upstreams[1]?.settings).toMatchObject({
    urls: ['https://hub.mirror.test/v2', 'https://registry-1.docker.io'],
  });
});

test('upstreams change places by button and by Alt and arrow; the focus goes with them', async ({
  page,
  open,
  mock,
}) => {
  await open('/upstreams');
  const cards = page.getByRole('list', { name: 'Upstreams' }).getByRole('heading', { level: 2 });
  await expect(cards).toHaveText([/ghcr\.io/, /docker\.io/, /quay\.io/, /registry\.k8s\.io/]);
  const up = page.getByRole('button', { name: 'Move docker.io up' });
  await up.focus();
  await page.keyboard.press('Enter');
  await expect(cards).toHaveText([/docker\.io/, /ghcr\.io/, /quay\.io/, /registry\.k8s\.io/]);
  await expect(up).toBeFocused();
  await expect(page.getByText('docker.io is now number 1 of 4')).toBeAttached();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Alt+ArrowDown');
  await expect(cards).toHaveText([/ghcr\.io/, /docker\.io/, /quay\.io/, /registry\.k8s\.io/]);
  await expect(up).toBeFocused();
  expect(mock.calls.filter(({ route }) => route === 'orderUpstreams').map(({ body }) => body)).toEqual([
    { names: ['docker.io', 'ghcr.io', 'quay.io', 'registry.k8s.io'] },
    { names: ['ghcr.io', 'docker.io', 'quay.io', 'registry.k8s.io'] },
  ]);
});

test.describe('upstreams of the settings file', () => {
  test.use({ scenario: 'locked' });

  test('cannot be moved', async ({ page, open }) => {
    await open('/upstreams');
    await expect(page.getByText('The settings file lists the upstreams')).toBeVisible();
    await expect(page.getByRole('button', { name: /^Move / })).toHaveCount(0);
  });
});

test('an upstream that is left alone can be tried now', async ({ page, open, mock }) => {
  await open('/upstreams');
  const card = page.getByRole('listitem').filter({ hasText: 'quay.io' });
  await expect(card).toContainText('connect ECONNREFUSED');
  await card.getByRole('button', { name: 'Retry now' }).click();
  await expect(card.getByText('Healthy')).toBeVisible();
  expect(mock.calls.find(({ route }) => route === 'retryUpstream')?.body).toEqual({ name: 'quay.io' });
});

test('health changes are shown as they happen', async ({ page, open, mock }) => {
  await open('/upstreams');
  const card = page.getByRole('listitem').filter({ hasText: 'ghcr.io' });
  await expect(card.getByText('Healthy')).toBeVisible();
  await mock.connected();
  mock.send('upstreams', {
    upstreams: [
      {
        name: 'ghcr.io',
        health: { state: 'failing', requests: 1, failures: 1, bytesReceived: 0, lastError: 'no route to host' },
      },
    ],
  });
  await expect(card).toContainText('no route to host');
});

test('removing asks first and says what stays', async ({ page, open, mock }) => {
  await open('/upstreams');
  await page.getByRole('button', { name: 'More for quay.io' }).click();
  await page.getByRole('menuitem', { name: 'Remove…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Remove quay.io?' });
  await expect(dialog).toContainText('stays on disk until it is deleted under Cache');
  await dialog.getByRole('button', { name: 'Remove upstream' }).click();
  await expect(page.getByRole('link', { name: 'quay.io', exact: true })).toHaveCount(0);
  expect(mock.state.upstreams.map(({ name }) => name)).not.toContain('quay.io');
});

test('another upstream becomes the default', async ({ page, open, mock }) => {
  await open('/upstreams');
  await page.getByRole('button', { name: 'More for docker.io' }).click();
  await page.getByRole('menuitem', { name: 'Make it the default' }).click();
  await expect(
    page.getByRole('listitem').filter({ hasText: 'docker.io' }).getByText('Default', { exact: true }),
  ).toBeVisible();
  expect(mock.state.upstreams.find(({ isDefault }) => isDefault)?.name).toBe('docker.io');
});

test('an account is added with its scope and its consequence, and removed again', async ({ page, open, mock }) => {
  await open('/upstreams/edit?name=ghcr.io');
  await page.getByRole('button', { name: 'Add account' }).click();
  const form = page.getByRole('form', { name: 'New account' });
  await expect(form).toContainText('Everyone who can reach this mirror can then pull what this account can pull.');
  await form.getByRole('button', { name: 'Save account' }).click();
  await expect(form.getByText('Write the user name')).toBeVisible();
  await form.getByRole('textbox', { name: 'User name' }).fill('ci');
  await form.getByLabel('Password or access token').fill('s3cret');
  await form.getByRole('textbox', { name: 'Only for repositories under' }).fill('acme/private');
  await form.getByRole('button', { name: 'Save account' }).click();
  await expect(page.getByText('for acme/private/…')).toBeVisible();
  expect(mock.calls.find(({ route }) => route === 'addAccount')).toMatchObject({
    query: { name: 'ghcr.io' },
    body: { path: 'acme/private', username: 'ci', password: 's3cret' },
  });
  await page.getByRole('button', { name: 'Remove account ci' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove account' }).click();
  await expect(page.getByText('None: the mirror pulls as anybody could.')).toBeVisible();
});

test('Docker logins are imported from pasted text; what is skipped is named; the text does not stay', async ({
  page,
  open,
}) => {
  await open('/upstreams');
  await page.getByRole('button', { name: 'Import Docker logins' }).click();
  const dialog = page.getByRole('dialog', { name: 'Import Docker logins' });
  const text = dialog.getByRole('textbox', { name: 'Content of config.json' });
  await text.fill('not a config');
  await dialog.getByRole('button', { name: 'Import' }).click();
  await expect(dialog.getByRole('alert')).toContainText('is not a Docker config.json');
  await text.fill('{"auths":{"docker.io":{"auth":"YTpi"}}}');
  await dialog.getByRole('button', { name: 'Import' }).click();
  await expect(dialog).toContainText('Imported: docker.io');
  await expect(dialog).toContainText('ghcr.io skipped: the login is kept by the credential helper');
  await dialog.getByRole('button', { name: 'Done' }).click();
  await page.getByRole('button', { name: 'Import Docker logins' }).click();
  await expect(text).toHaveValue('');
});

test('the tester says which rule a reference is mapped by', async ({ page, open }) => {
  await open('/upstreams');
  await page.getByRole('textbox', { name: 'Reference, as a client writes it' }).fill('docker.io/library/alpine:3.20');
  await page.keyboard.press('Enter');
  await expect(page.getByText('The first part, docker.io, is the name of an upstream.')).toBeVisible();
  await expect(page.getByText('yes, it is in the cache')).toBeVisible();
});

test.describe('set by the settings file', () => {
  test.use({ scenario: 'locked' });

  test('upstreams show a lock with the reason and cannot be changed', async ({ page, open }) => {
    await open('/upstreams');
    await expect(page.getByText('The settings file lists the upstreams')).toBeVisible();
    await expect(page.getByRole('button', { name: 'Add upstream' })).toBeDisabled();
    await page.getByRole('link', { name: 'quay.io', exact: true }).click();
    await expect(page.getByRole('heading', { level: 1, name: 'quay.io' })).toBeVisible();
    await expect(page.getByText('Set in the settings file')).toBeVisible();
    await expect(page.getByRole('textbox', { name: 'Tags stay fresh for' })).toBeDisabled();
    await expect(page.getByRole('button', { name: 'Save changes' })).toBeDisabled();
    await expect(page.getByRole('button', { name: 'Add account' })).toBeDisabled();
  });
});
