import { mkdir, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runCli } from '../../../server/cli/program.ts';
import { ask } from '../../support/ask.ts';
import { tempDirectory } from '../../support/cleanup.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { image } from '../../support/image-builder.ts';
import { pullGraph } from '../../support/pull-graph.ts';
import { fakeIo } from '../../unit/server/cli/fake-io.ts';
import type { FakeIo } from '../../unit/server/cli/fake-io.ts';
import { zotExample } from '../../support/zot-examples.ts';
import { withUrls } from './zot-mirror.ts';

/** A folder with this zot configuration in it, where the program runs. */
async function folderWith(text: string): Promise<string> {
  const folder = await tempDirectory();
  await writeFile(join(folder, 'zot.json'), text);
  return folder;
}

/** Serves until the test ends; resolves when the mirror says where it is. */
async function serve(
  folder: string,
  ...flags: readonly string[]
): Promise<{ readonly url: string; readonly io: FakeIo }> {
  const io = fakeIo({ HOME: folder }, folder);
  const { promise: started, resolve, reject } = Promise.withResolvers<string>();
  const out = (line: string): void => {
    const [, url] = /^Mirror: (\S+)/.exec(line) ?? [];
    if (url !== undefined) resolve(url);
  };
  const ended = runCli(['serve', '--zot-config', 'zot.json', '--admin-listen', '127.0.0.1:0', ...flags], {
    ...io,
    out,
  });
  void ended.then(() => {
    reject(new Error(`it did not start: ${io.stderr.join('\n')}`));
  });
  onTestFinished(async () => {
    io.signal('SIGTERM');
    await ended;
  });
  return { url: await started, io };
}

describe('serve --zot-config', () => {
  it('serves the example from the folder and address it names, and says what is done otherwise', async () => {
    const [k8s, hub] = [await startFakeUpstream(), await startFakeUpstream()];
    const alpine = image();
    hub.add('library/alpine', 'latest', alpine);
    const urls = { 'https://docker.io/library': `${hub.url}/library`, 'https://k8s.gcr.io': k8s.url };
    const text = withUrls(zotExample('on-demand'), urls)
      .replace('"0.0.0.0"', '"127.0.0.1"')
      .replace('"8080"', '"0"')
      .replace('/tmp/zot', 'content of zot')
      .replace('"gc": true', '"gc": true, "dedupe": false');
    const folder = await folderWith(text);
    const { url, io } = await serve(folder);
    expect((await pullGraph(url, 'docker-images/alpine:latest')).digest).toBe(alpine.digest);
    expect(existsSync(join(folder, 'content of zot', 'mirror.db'))).toBe(true);
    expect(io.stderr.filter((line) => !line.includes('window'))).toEqual([
      expect.stringMatching(/^zot\.json: storage\.dedupe is not honoured: /),
    ]);
  });

  it('takes accounts by host and port, and flags win over the file', async () => {
    const upstream = await startFakeUpstream({ auth: { kind: 'basic', username: 'user2', password: 'pass2' } });
    const graph = image();
    upstream.add('app', 'v1', graph);
    const text = `"sync": {"credentialsFile": "./examples/accounts.json", "registries": [{"urls": ["${upstream.url}"], "onDemand": true,}]}`;
    const folder = await folderWith(text);
    await mkdir(join(folder, 'examples'));
    await writeFile(
      join(folder, 'examples', 'accounts.json'),
      zotExample('credentials').replace('registry2:5000', upstream.host),
    );
    const { url, io } = await serve(folder, '--listen', '127.0.0.1:0', '--data-dir', 'mine');
    expect((await pullGraph(url, 'app:v1')).digest).toBe(graph.digest);
    expect(existsSync(join(folder, 'mine', 'mirror.db'))).toBe(true);
    expect(io.stderr.filter((line) => line.startsWith('zot.json:1:'))).toEqual([
      expect.stringContaining('this is a piece of a file'),
      expect.stringContaining('the comma before the end is one too many'),
    ]);
    expect((await ask(`${url}/v2/app/tags/list`)).status).toBe(200);
  });

  it.each<[string, string, RegExp]>([
    ['is not JSON', '{"http": {"port": 5000}, "storage"}', /^zot\.json:1:35: a ":" is expected/],
    ['would open what zot keeps closed', '{"http": {"auth": {}}}', /^zot\.json: http\.auth is refused: logins/],
    ['is something else', '{"a": 1}', /^zot\.json:1:1: this is not a zot configuration/],
    [
      'says what settings cannot',
      '{"http": {"address": "not a host", "port": "1"}, "storage": {}}',
      /^zot\.json: listen, as read from it, "not a host:1" is not an address/,
    ],
  ])('ends with 2 when the file %s', async (_, text, message) => {
    const folder = await folderWith(text);
    const io = fakeIo({ HOME: folder }, folder);
    expect(await runCli(['serve', '--zot-config', 'zot.json'], io)).toBe(2);
    expect(io.stderr).toEqual([expect.stringMatching(message)]);
  });

  it('ends with 2 when there is no such file', async () => {
    const folder = await tempDirectory();
    const io = fakeIo({ HOME: folder }, folder);
    expect(await runCli(['serve', '--zot-config', 'zot.json'], io)).toBe(2);
    expect(await runCli(['serve', '--zot-config='], io)).toBe(2);
    expect(io.stderr).toEqual([
      '--zot-config: zot.json does not exist.',
      '--zot-config is empty; it must name a zot configuration file.',
    ]);
  });
});

it('doctor --zot-config shows what each registry becomes', async () => {
  const folder = await folderWith(zotExample('polled'));
  const io = fakeIo({ HOME: folder }, folder);
  const flags = ['--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0', '--json'];
  expect(await runCli(['doctor', '--zot-config', 'zot.json', ...flags], io)).toBe(0);
  const { checks } = JSON.parse(io.stdout.join('\n')) as { checks: { check: string; state: string; detail: string }[] };
  const zot = checks.filter(({ check }) => check === 'zot');
  expect(zot).toContainEqual({
    check: 'zot',
    state: 'passed',
    detail:
      'https://registry1:5000 is the upstream registry1:5000: repo2/repo → repo2, prefix stripped, e.g. repo2/repo is pulled as repo2; nothing is fetched, only what is held is served',
  });
  expect(zot).toContainEqual({
    check: 'zot',
    state: 'skipped',
    detail: expect.stringMatching(
      /^zot\.json: extensions\.sync\.registries\[0\]\.pollInterval is not honoured: /,
    ) as unknown,
  });
});
