import { expect, expectAccessible, tabTo, test } from '../support/window.ts';

test('rules are changed with a preview of what would go, and put in order, by keyboard alone', async ({
  page,
  open,
  mock,
}) => {
  await open('/storage');
  const section = page.getByRole('region', { name: 'Retention rules' });
  await expect(section).toContainText('In team/**: of the tags nightly-*, keep the newest; the others go.');
  await tabTo(page, 'button', 'Change rules');
  await page.keyboard.press('Enter');
  const preview = page.getByRole('region', { name: 'What these rules would do now' });
  await expect(preview).toContainText('team/builder:nightly-0411');
  await expect(preview).toContainText('rule 1 keeps only the newest');
  await tabTo(page, 'textbox', 'The newest');
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.press('Delete');
  await expect(preview).toContainText('Rule 1 keeps nothing: of team/**, every tag nightly-* that is not pinned goes.');
  await expect(preview).toContainText('3 items would go');
  await expectAccessible(page);
  await tabTo(page, 'button', 'Move rule 1 down');
  await page.keyboard.press('Enter');
  await expect(section.getByText('Rule 1 is now rule 2 of 2')).toBeAttached();
  await expect(preview).toContainText('rule 1 keeps only the newest 2, and versions in >=2.0.3');
  await tabTo(page, 'button', 'Save 2 rules');
  await page.keyboard.press('Enter');
  await expect(page.getByText('Retention rules saved')).toBeVisible();
  expect(mock.calls.find(({ route }) => route === 'setRetention')?.body).toEqual({
    rules: [
      {
        repositories: ['team/**'],
        tags: ['**'],
        keep: { newest: 2, semver: '>=2.0.3', pulledWithin: '30d' },
        untagged: '7d',
      },
      { repositories: ['team/**'], tags: ['nightly-*'], keep: {} },
    ],
  });
});

test('what is written wrong is said at its field, and is neither asked about nor saved', async ({
  page,
  open,
  mock,
}) => {
  await open('/storage');
  await page.getByRole('button', { name: 'Change rules' }).click();
  await page.getByRole('textbox', { name: 'Versions in' }).first().fill('newest');
  await page.getByRole('textbox', { name: 'Pulled within' }).first().fill('a month');
  await page.getByRole('textbox', { name: 'Repositories' }).first().fill(' ');
  await expect(page.getByText('Is not a range of versions')).toBeVisible();
  await expect(page.getByText('"a month" is not a duration')).toBeVisible();
  await expect(page.getByText('Write at least one pattern, such as team/**')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Save 2 rules' })).toBeDisabled();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByRole('button', { name: 'Change rules' })).toBeVisible();
  expect(mock.calls.filter(({ route }) => route === 'setRetention')).toEqual([]);
});

test('applying asks first and says what went', async ({ page, open, mock }) => {
  await open('/storage');
  await page.getByRole('button', { name: 'Apply now…' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('team/builder:2.0.2');
  await dialog.getByText('What stays, and why').click();
  await expect(dialog).toContainText('pinned');
  await expectAccessible(page);
  await dialog.getByRole('button', { name: 'Remove 2 items' }).click();
  await expect(page.getByText('Retention rules applied')).toBeVisible();
  expect(mock.calls.filter(({ route }) => route === 'applyRetention').at(-1)?.body).toEqual({});
});

test.describe('with rules of the settings file', () => {
  test.use({ scenario: 'locked' });
  test('they are shown and applied, and not changed here', async ({ page, open }) => {
    await open('/storage');
    await expect(page.getByText('The settings file gives these rules')).toBeVisible();
    await expect(page.getByRole('button', { name: 'Change rules' })).toHaveCount(0);
    await expect(page.getByRole('button', { name: 'Apply now…' })).toBeVisible();
  });
});

test.describe('without rules', () => {
  test.use({ scenario: 'empty' });
  test('every tag stays, and a first rule is offered', async ({ page, open, mock }) => {
    await open('/storage');
    await expect(page.getByText('No rules: every tag stays')).toBeVisible();
    await page.getByRole('button', { name: 'Add a rule' }).click();
    await page.getByRole('button', { name: 'Save 1 rule' }).click();
    await expect(page.getByText('In every repository: of all tags, keep the newest 10; the others go.')).toBeVisible();
    expect(mock.calls.find(({ route }) => route === 'setRetention')?.body).toEqual({
      rules: [{ repositories: ['**'], tags: ['**'], keep: { newest: 10 } }],
    });
  });
});
