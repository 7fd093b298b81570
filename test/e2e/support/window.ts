import { resolve } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test as base } from '@playwright/test';
import type { Page } from '@playwright/test';
import { startMockAdmin } from './mock-admin.ts';
import type { MockAdmin } from './mock-admin.ts';
import type { Scenario } from './mock-answers.ts';

/** Where the window's built files are; a run of one's own may point elsewhere. */
export const rendererDirectory = resolve(
  process.env['ZHI_MIRROR_RENDERER'] ?? resolve(import.meta.dirname, '../../../dist/renderer'),
);

interface WindowFixtures {
  readonly scenario: Scenario;
  readonly mock: MockAdmin;
  /** Opens a page of the window, by its path, and waits for its heading. */
  readonly open: (path: string) => Promise<void>;
}

/** A test with the window in front of the admin API in memory; fails on faults and on anything loaded from elsewhere. */
export const test = base.extend<WindowFixtures>({
  scenario: ['busy', { option: true }],
  mock: async ({ scenario }, use) => {
    const mock = await startMockAdmin(scenario, rendererDirectory);
    await use(mock);
    await mock.close();
  },
  open: async ({ page, mock }, use) => {
    const faults = watchFaults(page, mock.url);
    await use(async (path) => {
      await page.goto(`${mock.url}#${path}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
    });
    expect(faults).toEqual([]);
  },
});

export { expect } from '@playwright/test';

/** Collects what must never happen: exceptions, refusals by the content security policy, requests to other places. */
export function watchFaults(page: Page, url: string): readonly string[] {
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(`exception: ${error.message}`));
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) faults.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith('data:')) faults.push(`asked ${request.url()}`);
  });
  return faults;
}

/** Resolves when nothing fades or moves any more: half-way between two themes no contrast is the one people read. */
async function atRest(page: Page): Promise<void> {
  await page.evaluate(async () => {
    // the frame in which a change of theme starts its transitions, and the one after
    for (let i = 0; i < 2; i += 1) await new Promise((resolve) => requestAnimationFrame(resolve));
    const moving = document.getAnimations().filter(({ effect }) => effect?.getComputedTiming().iterations !== Infinity);
    await Promise.allSettled(moving.map(({ finished }) => finished));
  });
}

/** Checks what is on screen against WCAG 2.2 A and AA. */
export async function expectAccessible(page: Page): Promise<void> {
  await atRest(page);
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .analyze();
  const found = violations.map(
    ({ id, nodes }) =>
      `${id}: ${nodes.map(({ target, failureSummary }) => `${target.join(' ')} – ${failureSummary ?? ''}`).join(' | ')}`,
  );
  expect(found).toEqual([]);
}

/** Presses Tab until the element with this role and name has the focus; fails after `limit` steps. */
export async function tabTo(
  page: Page,
  role: 'button' | 'textbox' | 'link' | 'switch' | 'row' | 'radio' | 'checkbox',
  name: string | RegExp,
  limit = 80,
): Promise<void> {
  const target = page.getByRole(role, { name, exact: typeof name === 'string' }).first();
  for (let step = 0; step < limit; step += 1) {
    if (await target.evaluate((element) => element === document.activeElement).catch(() => false)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not reach ${role} ${String(name)}`);
}
