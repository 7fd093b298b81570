import { expect, test } from '../support/window.ts';

test('shows what a lower cap would cost before it is saved, and what is left afterwards', async ({ page, open }) => {
  await open('/storage');
  const space = page.getByRole('region', { name: 'Space' });
  await expect(space.getByText('40.5 GiB of the cap of 50 GiB are used.')).toBeVisible();
  const save = page.getByRole('button', { name: /^Save/ });
  await expect(save).toBeDisabled();
  await page.getByLabel('Storage cap').fill('39 GiB');
  await expect(page.getByText('8 images go at once when this is saved')).toBeVisible();
  const names = page.getByRole('list', { name: 'What would go at once' });
  await expect(names.getByRole('listitem').first()).toContainText('docker.io/library/postgres:1.0, 1.0-alpine');
  await page.getByRole('button', { name: 'Save and evict 8 images' }).click();
  await expect(space.getByText('38.9 GiB of the cap of 39 GiB are used.')).toBeVisible();
  await expect(save).toBeDisabled();
});

test('says what is wrong with a size, and saves nothing', async ({ page, open }) => {
  await open('/storage');
  await page.getByLabel('Storage cap').fill('lots');
  await expect(page.getByText('"lots" is not a size such as "500 MB" or "5 GiB"')).toBeVisible();
  await expect(page.getByRole('button', { name: /^Save/ })).toBeDisabled();
  await page.getByRole('button', { name: 'Discard' }).click();
  await expect(page.getByLabel('Storage cap')).toHaveValue('50 GiB');
});

test('says by how much a cap is missed that pushed content alone exceeds', async ({ page, open }) => {
  await open('/storage');
  await page.getByLabel('Storage cap').fill('1 GiB');
  await expect(page.getByText(/That is not enough by/)).toBeVisible();
});

test('takes an empty cap as none', async ({ page, open }) => {
  await open('/storage');
  await page.getByLabel('Storage cap').fill('');
  await expect(page.getByText('Nothing goes: what is kept is within these limits.')).toBeVisible();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(page.getByText('No cap: only the free-space floor bounds what is kept.')).toBeVisible();
});

test.describe('with more than can be shown', () => {
  test.use({ scenario: 'many' });

  test('shows what goes first, and says that there is more', async ({ page, open }) => {
    await open('/storage');
    await expect(page.getByRole('grid', { name: 'What goes next' })).toHaveAttribute('aria-rowcount', '201');
    await expect(page.getByText('The first 200 are shown.')).toBeVisible();
  });
});
