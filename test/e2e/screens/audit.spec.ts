import { expect, test } from '../support/window.ts';

test.use({ scenario: 'many' });

test('rows are found by words, outcome and digest, and explained', async ({ page, open, mock }) => {
  await open('/audit');
  const grid = page.getByRole('grid', { name: 'Audit' });
  await page.getByRole('textbox', { name: 'Search' }).fill('postgres');
  await page.getByRole('combobox', { name: 'Outcome' }).selectOption('hit');
  await expect(grid.getByRole('row').nth(1)).toContainText('postgres');
  await expect.poll(() => mock.calls.at(-1)?.query).toMatchObject({ text: 'postgres', outcome: 'hit' });
  await grid.getByRole('row').nth(1).click();
  await expect(page.getByRole('dialog', { name: 'Served from the cache' })).toBeVisible();
  await page.keyboard.press('Escape');
  const digest = `sha256:${'a'.repeat(64)}`;
  await page.getByRole('textbox', { name: 'Search' }).fill(digest);
  await expect(page.getByText('Nothing recorded matches')).toBeVisible();
  expect(mock.calls.filter(({ route }) => route === 'searchAudit').at(-1)?.query).toMatchObject({ digest });
});

test('older rows are read on request', async ({ page, open }) => {
  await open('/audit');
  await expect(page.getByText('100 rows shown, there are older ones')).toBeVisible();
  await page.getByRole('button', { name: 'Show older' }).click();
  await expect(page.getByText('200 rows shown, there are older ones')).toBeVisible();
});

test('a denial names its rule and leads to the tester of the policy', async ({ page, open }) => {
  await open('/audit');
  await page.getByRole('combobox', { name: 'Outcome' }).selectOption('denied');
  await page.getByRole('grid', { name: 'Audit' }).getByRole('row').nth(1).click();
  const dialog = page.getByRole('dialog', { name: 'Denied' });
  await expect(dialog).toContainText('is blocked by policy (policy rule artifacts.blocked)');
  await dialog.getByRole('link', { name: 'Explain with the policy as it holds now' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Policies' })).toBeVisible();
});
