import { expect, expectAccessible, tabTo, test } from '../support/window.ts';

test('garbage is collected after a look at what goes, by keyboard alone', async ({ page, open, mock }) => {
  await open('/storage');
  const section = page.getByRole('region', { name: 'Garbage collection' });
  await expect(section).toContainText('1.5 GiB, 212 items');
  await tabTo(page, 'button', 'Collect now');
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Collect garbage?' });
  await expect(dialog).toContainText('216 MiB on disk will be freed.');
  await expect(dialog).toContainText('its tag moved or was deleted, and it is not kept any longer');
  await expectAccessible(page);
  await tabTo(page, 'button', 'Collect');
  await page.keyboard.press('Enter');
  await expect(page.getByText('216 MiB freed.')).toBeVisible();
  await expect(dialog).toBeHidden();
  await expect(section).toContainText('216 MiB, 4 items');
  const asked = mock.calls.filter(({ route }) => route === 'collectGarbage').map(({ body }) => body);
  expect(asked).toEqual([{ dryRun: true }, { dryRun: false }]);
});

test('when nothing is garbage there is nothing to confirm', async ({ page, open }) => {
  await open('/storage');
  await page.getByRole('button', { name: 'Collect now' }).click();
  await page.getByRole('button', { name: 'Collect', exact: true }).click();
  await expect(page.getByText('216 MiB freed.')).toBeVisible();
  await page.getByRole('button', { name: 'Collect now' }).click();
  const dialog = page.getByRole('dialog', { name: 'Collect garbage?' });
  await expect(dialog).toContainText('There is nothing to collect.');
  await expect(dialog.getByRole('button', { name: 'Collect', exact: true })).toBeDisabled();
});
