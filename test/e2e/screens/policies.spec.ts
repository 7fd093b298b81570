import { expect, expectAccessible, tabTo, test } from '../support/window.ts';

const editor = { name: 'Policy (YAML)' } as const;

test('a rule is written, checked while it is typed, replayed and saved, by keyboard alone', async ({
  page,
  open,
  mock,
}) => {
  await open('/policies');
  const rules = page.getByRole('region', { name: 'Rules that hold' });
  await expect(rules).toContainText('Never */zhi-*-deprecated:*.');
  await expect(rules).toContainText('Dry run');
  await tabTo(page, 'textbox', editor.name);
  await page.keyboard.press('ControlOrMeta+End');
  await page.keyboard.insertText('  - name: hub-closed\n    artifacts: ["docker.io/**"]\n    than: deny\n');
  await expect(page.getByText('Line 20:')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Save and enforce' })).toBeDisabled();
  await expectAccessible(page);
  await page.keyboard.press('ControlOrMeta+z');
  await page.keyboard.insertText('  - name: hub-closed\n    artifacts: ["docker.io/**"]\n    then: deny\n');
  await tabTo(page, 'button', 'Replay over the last 30 days');
  await page.keyboard.press('Enter');
  const replay = page.getByRole('region', { name: 'Replay of recorded pulls' });
  await expect(replay).toContainText('It would have denied 1,301 of 2,113 pulls.');
  await expect(replay.getByRole('row', { name: /library\/postgres:16/ })).toContainText('hub-closed');
  await expectAccessible(page);
  await tabTo(page, 'button', 'Save and enforce');
  await page.keyboard.press('Enter');
  await expect(page.getByText('Policy saved')).toBeVisible();
  await expect(rules).toContainText('For docker.io/**: denied.');
  const saved = mock.calls.find(({ route }) => route === 'setPolicy')?.body as { text: string; base: string };
  expect(saved.text).toContain('# agreed on 12 January');
  expect(saved.text).toContain('name: hub-closed');
  expect(saved.base).toMatch(/^[0-9a-f]{12}$/);
});

test('a reference is tried and the rule that decides is named', async ({ page, open, mock }) => {
  await open('/policies');
  const tester = page.getByRole('region', { name: 'Try a reference' });
  await tester.getByRole('textbox', { name: 'Reference' }).fill('ghcr.io/acme/zhi-config-deprecated:v1');
  await tester.getByRole('combobox', { name: 'Action' }).selectOption('Push');
  await tester.getByRole('textbox', { name: 'User' }).fill('ci');
  await tester.getByRole('button', { name: 'Try it' }).click();
  await expect(tester).toContainText('Denied by rule artifacts.blocked.');
  await tester.getByText('What each rule said').click();
  await expect(tester).toContainText('no-latest');
  await expectAccessible(page);
  expect(mock.calls.find(({ route }) => route === 'testPolicy')?.body).toEqual({
    reference: 'ghcr.io/acme/zhi-config-deprecated:v1',
    action: 'push',
    user: 'ci',
  });
});

test('a denied request of the live feed names its rule and leads to the tester', async ({ page, open }) => {
  await open('/');
  await page
    .getByRole('grid', { name: 'Live requests' })
    .getByRole('row', { name: /Denied/ })
    .first()
    .click();
  const drawer = page.getByRole('dialog');
  await expect(drawer).toContainText('The policy’s rule artifacts.blocked does not allow this artifact');
  await drawer.getByRole('link', { name: 'Explain with the policy as it holds now' }).click();
  await expect(page.getByRole('region', { name: 'Try a reference' })).toContainText(
    'Denied by rule artifacts.blocked.',
  );
});

test.describe('with a policy file', () => {
  test.use({ scenario: 'locked' });
  test('it is shown with the reason why it is not changed here', async ({ page, open }) => {
    await open('/policies');
    await expect(page.getByText('The file /etc/zhi-mirror/policy.yaml gives this policy')).toBeVisible();
    await expect(page.getByRole('textbox', editor)).toHaveAttribute('readonly');
    await expect(page.getByRole('button', { name: 'Save and enforce' })).toHaveCount(0);
    await expectAccessible(page);
  });
});

test.describe('without a policy', () => {
  test.use({ scenario: 'empty' });
  test('everything is allowed, and an example is offered', async ({ page, open, mock }) => {
    await open('/policies');
    await expect(page.getByText('No rule: everything is allowed')).toBeVisible();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Insert an example' }).click();
    await page.getByRole('button', { name: 'Save and enforce' }).click();
    await expect(page.getByText('Of zhi plugins, only those the marketplace has verified.').first()).toBeVisible();
    expect(mock.calls.filter(({ route }) => route === 'setPolicy')).toHaveLength(1);
  });
});

test.describe('with a broken edit of the file', () => {
  test.use({ scenario: 'failing' });
  test('it is said which policy holds, and what to correct', async ({ page, open }) => {
    await open('/policies');
    await expect(page.getByText('The last edit does not hold; the policy before it does.')).toBeVisible();
    await expect(page.getByText('publishrs is not a setting').first()).toBeVisible();
    await expectAccessible(page);
  });
});
