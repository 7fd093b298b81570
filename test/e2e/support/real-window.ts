import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as base } from '@playwright/test';
import { freePort } from '../../support/free-port.ts';
import { FakeUpstream } from '../../support/fake-upstream/upstream.ts';
import { MirrorProcess } from '../../support/mirror-process.ts';
import { watchFaults } from './window.ts';

interface RealFixtures {
  /** A registry to pull from. */
  readonly upstream: FakeUpstream;
  /** `zhi-mirror serve` as its own process, on an empty data directory. */
  readonly mirror: MirrorProcess;
  readonly open: (path: string) => Promise<void>;
}

/** A test with the window of a running mirror; what it serves is `dist/renderer`. */
export const test = base.extend<RealFixtures>({
  upstream: async ({}, use) => {
    const upstream = new FakeUpstream();
    await upstream.start();
    await use(upstream);
    await upstream.stop();
  },
  mirror: async ({}, use, testInfo) => {
    const directory = await mkdtemp(join(tmpdir(), 'zhi-mirror-window-'));
    const ports = [await freePort(), await freePort()] as const;
    const settingsFile = join(directory, 'settings.yaml');
    const [listen, adminListen] = ports.map((port) => `127.0.0.1:${String(port)}`);
    await writeFile(settingsFile, `listen: "${listen ?? ''}"\nadminListen: "${adminListen ?? ''}"\n`);
    const dataDirectory = join(directory, 'data');
    await mkdir(dataDirectory);
    const mirror = new MirrorProcess(dataDirectory, settingsFile, ports, {});
    await mirror.start();
    await use(mirror);
    if (testInfo.status !== testInfo.expectedStatus) {
      await testInfo.attach('output of the mirror', { body: mirror.output.slice(-20_000) });
    }
    await mirror.stop();
    await rm(directory, { recursive: true, force: true });
  },
  open: async ({ page, mirror }, use) => {
    const faults = watchFaults(page, mirror.adminUrl);
    await use(async (path) => {
      await page.goto(`${mirror.adminUrl}/#${path}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
    });
    base.expect(faults).toEqual([]);
  },
});
