import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from './bootstrap.mjs';
import { DevProcesses } from './dev/processes.ts';
import { installedElectron, platformObstacle } from './electron-binary.mjs';
import { ensureBuilt } from './ensure-built.mjs';

/**
 * `npm run dev`: a registry with sample graphs, the server (restarted when a source changes) on a throw-away data
 * directory, the window's development server, and Electron where it can run. `--headless`: without Electron.
 * `--upstream docker.io`: the real one. `--keep`: keeps the data for the next time. Ctrl-C stops all and says what is left.
 */
const { values: options } = parseArgs({
  options: { headless: { type: 'boolean' }, keep: { type: 'boolean' }, upstream: { type: 'string' } },
});

const dataDirectory =
  options.keep === true ? join(root, '.cache/dev-data') : mkdtempSync(join(tmpdir(), 'zhi-mirror-dev-'));
const node = process.execPath;
const { promise: asked, resolve: askToStop } = Promise.withResolvers<string>();
const processes = new DevProcesses((name) => {
  askToStop(`${name} ended`);
});

async function startAll(): Promise<void> {
  const upstream = options.upstream ?? 'up.test';
  const upstreamUrl = options.upstream === undefined ? await startFakeUpstream() : undefined;
  const [mirrorPort, adminPort] = [await freePort(5050), await freePort(5051)];
  const settings = writeSettings(upstream, upstreamUrl, [mirrorPort, adminPort]);
  const admin = await processes.start({
    name: 'server',
    command: node,
    args: ['--watch', '--watch-preserve-output', 'server/cli/main.ts', 'serve', '--settings', settings],
    readyLine: /^Window: (\S+)/,
  });
  const window = await processes.start({
    name: 'window',
    command: node,
    args: [join(root, 'node_modules/vite/bin/vite.js'), '--config', 'build/vite.config.ts'],
    env: { ZHI_MIRROR_ADMIN: admin },
    readyLine: /Local:\s+(\S+)/,
  });
  const sample = upstreamUrl === undefined ? 'library/alpine:latest' : 'demo/hello:latest';
  console.log(
    [
      '',
      `  window          ${window}  (admin API ${admin})`,
      `  mirror          http://127.0.0.1:${mirrorPort}`,
      `  upstream        ${upstream} ${upstreamUrl ?? ''}`,
      `  data directory  ${dataDirectory}`,
      `  docker pull 127.0.0.1:${mirrorPort}/${upstream}/${sample}`,
      '',
    ].join('\n'),
  );
  startDesktop(settings);
}

function startFakeUpstream(): Promise<string> {
  return processes.start({
    name: 'upstream',
    command: node,
    args: ['test/support/fake-upstream-main.ts', '--port', '0'],
    readyLine: /(https?:\/\/[^\s/]+)/,
  });
}

/** JSON is YAML. */
function writeSettings(
  name: string,
  url: string | undefined,
  [mirrorPort, adminPort]: readonly [number, number],
): string {
  mkdirSync(dataDirectory, { recursive: true });
  const file = join(dataDirectory, 'settings.yaml');
  const settings = {
    listen: `127.0.0.1:${mirrorPort}`,
    adminListen: `127.0.0.1:${adminPort}`,
    dataDirectory: join(dataDirectory, 'data'),
    upstreamRegistry: name,
    upstreams: [url === undefined ? { name } : { name, urls: [url] }],
    log: { level: 'debug' },
  };
  writeFileSync(file, `${JSON.stringify(settings, null, 2)}\n`);
  return file;
}

/** The desktop app brings a mirror of its own, so it gets a data directory and ports of its own. */
function startDesktop(settings: string): void {
  const path = installedElectron();
  const reason =
    options.headless === true
      ? '--headless'
      : (platformObstacle() ?? (path === undefined ? 'its binary is not installed' : undefined));
  if (reason !== undefined || path === undefined) {
    console.log(`  no desktop app: ${reason ?? ''}\n`);
    return;
  }
  ensureBuilt();
  const args = [
    root,
    '--settings',
    settings,
    '--listen',
    '127.0.0.1:0',
    '--admin-listen',
    '127.0.0.1:0',
    '--data-dir',
    join(dataDirectory, 'desktop'),
  ];
  processes.start({ name: 'desktop', command: path, args, readyLine: /./ }).catch(() => undefined);
}

/** `wanted`, or if it is taken any other. */
async function freePort(wanted: number): Promise<number> {
  for (const port of [wanted, 0]) {
    const server = createServer();
    const found = await new Promise<number | undefined>((resolve) => {
      server.once('error', () => {
        resolve(undefined);
      });
      server.listen(port, '127.0.0.1', () => {
        const address = server.address();
        resolve(typeof address === 'object' ? address?.port : undefined);
      });
    });
    await new Promise((resolve) => server.close(resolve));
    if (found !== undefined) return found;
  }
  throw new Error('no free port');
}

/** Downloads that were under way: they are resumed next time, but a stop at rest leaves none. */
function unfinishedDownloads(): string[] {
  return readdirSync(dataDirectory, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.part'));
}

async function stopAll(): Promise<void> {
  const killed = await processes.stop();
  if (killed.length > 0) console.log(`had to be killed (open handles?): ${killed.join(', ')}`);
  const left = unfinishedDownloads();
  if (left.length > 0) console.log(`unfinished downloads left:\n  ${left.join('\n  ')}`);
  if (options.keep === true) console.log(`data kept in ${dataDirectory}`);
  else rmSync(dataDirectory, { recursive: true, force: true });
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    askToStop(signal);
  });
}
process.chdir(root);
const started = startAll().catch((error: unknown) => {
  askToStop(error instanceof Error ? error.message : String(error));
});
console.log(`stopping: ${await asked}`);
await stopAll();
await started;
