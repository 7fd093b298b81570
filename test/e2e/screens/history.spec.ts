import { expect, expectAccessible, test } from '../support/window.ts';

const tag = '/cache?repository=ghcr.io/acme/web&reference=latest';

test('a tag is rolled back, shown as held, and let go again', async ({ page, open, mock }) => {
  await open(tag);
  const history = page.getByRole('region', { name: 'History of the tag' });
  await expect(history.getByRole('row')).toHaveCount(4);
  await expect(history.getByRole('row').nth(2)).toContainText('moved on; kept until');
  await expect(history.getByRole('row').nth(3)).toContainText('not here any more');
  await expect(history.getByRole('button', { name: /^Roll back/ })).toHaveCount(1);
  await history.getByRole('button', { name: /^Roll back/ }).click();
  const dialog = page.getByRole('dialog', { name: 'Roll the tag back?' });
  await expect(dialog).toContainText('the tag stays there until somebody chooses “Follow upstream again”');
  await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused();
  await dialog.getByRole('button', { name: 'Roll back' }).click();
  await expect(page.getByText(/ghcr\.io\/acme\/web:latest leads to sha256:.* now\./)).toBeVisible();
  await expect(history).toContainText('Held here since');
  await expectAccessible(page);
  await page.keyboard.press('Escape');
  await page.getByRole('row', { name: /^acme\/web/ }).click();
  await expect(page.getByRole('row', { name: /^latest/ })).toContainText('Rolled back');
  await page.getByRole('row', { name: /^latest/ }).dblclick();
  await page.getByRole('button', { name: 'Follow upstream again' }).click();
  await expect(page.getByText('The tag follows its upstream again')).toBeVisible();
  await expect(history).not.toContainText('Held here since');
  const asked = mock.calls.filter(({ route }) => route === 'rollbackTag' || route === 'releaseTag');
  expect(asked.map(({ route, body }) => [route, body])).toEqual([
    ['rollbackTag', { repository: 'ghcr.io/acme/web', tag: 'latest', digest: expect.stringMatching(/^sha256:/) }],
    ['releaseTag', { repository: 'ghcr.io/acme/web', tag: 'latest' }],
  ]);
});

test('what was deleted is found and restored', async ({ page, open, mock }) => {
  await open('/cache');
  await page.getByText('Deleted', { exact: true }).click();
  const deleted = page.getByRole('group', { name: 'Deleted content' });
  await expect(deleted.getByRole('row')).toHaveCount(4);
  await expect(deleted.getByRole('row', { name: /nightly-41/ })).toContainText('by a rule');
  await page.getByRole('textbox', { name: 'Search' }).fill('team');
  await expect(deleted.getByRole('row')).toHaveCount(3);
  await deleted.getByRole('button', { name: 'Restore team/app:v0.9' }).click();
  await expect(page.getByText('team/app:v0.9 is served again, with 1 tag.')).toBeVisible();
  await expect(deleted.getByRole('row')).toHaveCount(2);
  expect(mock.calls.filter(({ route }) => route === 'restoreDeleted').map(({ body }) => body)).toEqual([
    { repository: 'team/app', reference: 'v0.9' },
  ]);
});

test('a deletion says until when it can be undone, and frees nothing unless asked to', async ({ page, open, mock }) => {
  await open(tag);
  await page.getByRole('button', { name: 'Delete…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Delete from the cache?' });
  await expect(dialog).toContainText(/It can be undone until .* 70\sMiB stay on disk/);
  await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
  await expect(page.getByText('It can be restored under “Deleted”.')).toBeVisible();
  expect(mock.calls.filter(({ route }) => route === 'deleteContent').map(({ body }) => body)).toEqual([
    { repository: 'ghcr.io/acme/web', reference: 'latest', freeNow: false },
  ]);
});

test('a repository is made by keyboard after its name was found right, and says how to push to it', async ({
  page,
  open,
}) => {
  await open('/cache');
  await page.getByRole('button', { name: 'Create repository' }).focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Create a repository' });
  const name = dialog.getByRole('textbox', { name: 'Name' });
  await expect(name).toBeFocused();
  await page.keyboard.type('ghcr.io/acme/web');
  await expect(dialog).toContainText('such names belong to upstreams');
  await expect(dialog.getByRole('button', { name: 'Create' })).toBeDisabled();
  await name.fill('team/new');
  await expect(dialog).not.toContainText('such names belong to upstreams');
  await page.keyboard.press('Enter');
  const push = page.getByRole('dialog', { name: 'Push to team/new' });
  await expect(push).toContainText('docker push mirror.office.test:5050/team/new:latest');
  await expect(push).toContainText('helm push --plain-http new-0.1.0.tgz oci://mirror.office.test:5050/team');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('row', { name: /^team\/new/ })).toBeVisible();
});

test('an empty repository leads to how to push to it', async ({ page, open }) => {
  await open('/cache');
  await page.getByRole('button', { name: 'Create repository' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('team/new');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await page.keyboard.press('Escape');
  await page.getByRole('row', { name: /^team\/new/ }).click();
  await page.getByRole('row', { name: /Empty\. Enter shows how to push to it\./ }).focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog', { name: 'Push to team/new' })).toContainText('podman push');
});
