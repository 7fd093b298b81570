import { expect, expectAccessible, test } from '../support/window.ts';

test('damage that no upstream can mend is shown with the tags it breaks, and is gone once it was pushed again', async ({
  page,
  open,
  mock,
}) => {
  await open('/storage');
  const list = page.getByRole('list', { name: 'Damaged content' });
  await expect(list.getByRole('listitem').first()).toContainText('Damaged');
  await expect(list.getByRole('listitem').first()).toContainText('team/app:1.4.0');
  await expect(list.getByRole('listitem').first()).toContainText('Push it again');
  await page.getByRole('button', { name: 'Repair now' }).click();
  await expect(list.getByText('Repaired')).toHaveCount(2);
  await expect(page.getByRole('button', { name: 'Repair now' })).toBeHidden();
  expect(mock.calls.filter(({ route }) => route === 'repairDamaged')).toHaveLength(1);
});

test('a round is started, followed and stopped', async ({ page, open }) => {
  await open('/storage');
  await page.getByRole('button', { name: 'Scrub now' }).click();
  await expect(page.getByRole('meter', { name: 'Read in this round' })).toHaveAttribute('aria-valuenow', '30');
  await expect(page.getByText('1,263 of 4,210 blobs')).toBeVisible();
  await page.getByRole('button', { name: 'Stop' }).click();
  await expect(page.getByText('Stopped before its end')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Go on' })).toBeVisible();
});

for (const colorScheme of ['light', 'dark'] as const)
  test(`the scrub is accessible in ${colorScheme}`, async ({ page, open }) => {
    await page.emulateMedia({ colorScheme });
    await open('/storage');
    await page.getByRole('button', { name: 'Scrub now' }).click();
    await page.getByRole('meter', { name: 'Read in this round' }).waitFor();
    await expectAccessible(page);
  });
