import { defineConfig } from '@playwright/test';

/** The built app under Electron. Where its binary is not installed every test is skipped with the reason. */
export default defineConfig({
  testDir: '.',
  testMatch: '*.test.ts',
  outputDir: '../../test-results/desktop',
  // one app at a time: they would share the display and the tray
  workers: 1,
  fullyParallel: false,
  forbidOnly: true,
  retries: 0,
  timeout: 60_000,
  expect: { timeout: 15_000 },
});
