import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { RunningProcess, runWell } from '../support/child-process.ts';
import { atTestEnd, tempDirectory } from '../support/cleanup.ts';
import { startClient } from '../support/clients.ts';
import { realImage } from '../support/real-image.ts';
import { startRegistry } from '../support/registry.ts';
import { frontMissing } from './front.ts';

const root = join(import.meta.dirname, '..', '..');

interface Served {
  readonly mirrorUrl: string;
  /** The command printed for a person to try. */
  readonly pull: string;
  stop(): Promise<number | undefined>;
}

/** `zhi-mirror serve` as a person starts it, flags only. */
async function serve(dataDirectory: string, upstream: string): Promise<Served> {
  const running = new RunningProcess(
    join(root, 'node_modules', '.bin', 'node'),
    [
      join(root, 'dist', 'server', 'cli.js'),
      ...['serve', '--upstream-registry', upstream, '--data-dir', dataDirectory],
      ...['--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0'],
    ],
    { env: { PATH: process.env.PATH, HOME: dataDirectory } },
  );
  const stop = async (): Promise<number | undefined> => {
    await running.end('SIGINT');
    return running.exited;
  };
  atTestEnd(async () => {
    await stop();
  });
  const [, pull = ''] = await running.printed(/^Pull: +(.+)$/m);
  const [, mirrorUrl = ''] = await running.printed(/^Mirror: +(\S+)$/m);
  return { mirrorUrl, pull, stop };
}

const shell = (command: string): Promise<string> => runWell('sh', ['-c', command]);

describe.skipIf(frontMissing('skopeo') !== undefined)('zhi-mirror serve', () => {
  test('prints a command that works as printed: a list while nothing is held, then a pull of what is', async () => {
    const registry = await startRegistry();
    await registry.push('team/app', 'v1', realImage());
    const dataDirectory = await tempDirectory();
    atTestEnd(() => rm('/tmp/zhi-mirror-example', { recursive: true, force: true }));

    const fresh = await serve(dataDirectory, registry.url);
    expect(JSON.parse(await shell(fresh.pull))).toEqual({ repositories: [] });
    const client = await startClient('skopeo');
    await client.pull(`${new URL(fresh.mirrorUrl).host}/team/app:v1`);
    expect(await fresh.stop()).toBe(0);

    await registry.stop();
    const again = await serve(dataDirectory, registry.url);
    expect(again.pull).toContain(`${new URL(again.mirrorUrl).host}/team/app:v1`);
    await shell(again.pull);
  });
});
