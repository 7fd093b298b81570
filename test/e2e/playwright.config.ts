import { defineConfig } from '@playwright/test';

/**
 * The window in a real browser: `screens` against the admin API in memory, `real` against a running mirror.
 * Both need `dist/renderer`; the browser is the system's Chromium.
 */
export default defineConfig({
  testDir: import.meta.dirname,
  outputDir: '../../test-results/e2e',
  workers: 1,
  fullyParallel: false,
  forbidOnly: true,
  retries: 0,
  timeout: 30_000,
  expect: { timeout: 7000 },
  reporter: [['list']],
  use: {
    browserName: 'chromium',
    viewport: { width: 1280, height: 900 },
    reducedMotion: 'reduce',
    locale: 'en-GB',
    launchOptions: {
      executablePath: '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    },
  },
  projects: [
    { name: 'screens', testMatch: 'screens/*.spec.ts' },
    { name: 'real', testMatch: 'real/*.spec.ts', timeout: 60_000 },
  ],
});
