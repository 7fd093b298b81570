import { open, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { pushImage, type BenchImage } from './image.ts';
import { getAnswer, waitForOk } from './http-probe.ts';
import { configureNginx } from './nginx.ts';
import { findFreePort, type Workspace } from './workspace.ts';

/** One request that reached the upstream. */
export interface UpstreamRequest {
  readonly method: string;
  readonly path: string;
  readonly bodyBytes: number;
}

/** The registry every contestant stands in front of. */
export interface Upstream {
  /** Base URL on this machine, without a detour. */
  readonly nearUrl: string;
  /** Base URL behind a link of 30 ms round trip and 50 MiB/s. */
  readonly farUrl: string;
  /** Five layers of 100 MiB. */
  readonly largeImage: BenchImage;
  /** One layer of 100 MiB. */
  readonly smallImage: BenchImage;
  /** Waits until the upstream has nothing under way, then returns a point in its log. */
  mark(): Promise<number>;
  /** What reached the upstream since the mark, once nothing is under way any more. */
  requestsSince(mark: number): Promise<readonly UpstreamRequest[]>;
}

/** Programs the upstream is made of. */
export interface UpstreamPrograms {
  readonly registry: string;
  readonly nginx: string;
}

const farRoundTripMs = 30;
const farBytesPerSecond = 50 * 1024 * 1024;

/**
 * Starts a registry on a directory of the workspace, a counting front before it and a slow link before that, and fills
 * it. The front is nginx: it costs less than any contestant, and writes a line per request when the request has ended.
 */
export async function startUpstream(workspace: Workspace, programs: UpstreamPrograms): Promise<Upstream> {
  const directory = await workspace.freshDirectory('upstream');
  const registryUrl = await startRegistry(workspace, programs.registry, directory);
  const logFile = join(directory, 'requests.log');
  const nearUrl = await startFront(workspace, programs.nginx, { directory, registryUrl, logFile });
  const farUrl = await startFarLink(workspace, Number(new URL(nearUrl).port));
  const largeImage = await pushImage(registryUrl, 'bench/large', 5);
  const smallImage = await pushImage(registryUrl, 'bench/small', 1);
  const mark = async (): Promise<number> => {
    await waitUntilIdle(nearUrl);
    return (await stat(logFile)).size;
  };
  const requestsSince = async (since: number): Promise<readonly UpstreamRequest[]> =>
    parseLog(await readBetween(logFile, since, await mark()));
  return { nearUrl, farUrl, largeImage, smallImage, mark, requestsSince };
}

async function startRegistry(workspace: Workspace, program: string, directory: string): Promise<string> {
  const port = await findFreePort();
  const file = join(directory, 'registry.json');
  const settings = {
    version: '0.1',
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(directory, 'content') }, cache: { blobdescriptor: 'inmemory' } },
    http: { addr: `127.0.0.1:${port}` },
  };
  // JSON is YAML, and spares a writer.
  await writeFile(file, JSON.stringify(settings));
  const server = workspace.startServer(program, ['serve', file], { OTEL_TRACES_EXPORTER: 'none' });
  const url = `http://127.0.0.1:${port}`;
  await waitForOk(`${url}/v2/`, server);
  return url;
}

interface FrontSetup {
  readonly directory: string;
  readonly registryUrl: string;
  readonly logFile: string;
}

async function startFront(workspace: Workspace, program: string, setup: FrontSetup): Promise<string> {
  const port = await findFreePort();
  const http = `
    log_format request '$request_method $uri $body_bytes_sent';
    access_log ${setup.logFile} request;
    upstream registry { server ${new URL(setup.registryUrl).host}; keepalive 64; }
    server {
      listen 127.0.0.1:${port} backlog=1024;
      location = /bench-status { access_log off; stub_status; }
      location = /v2/ { access_log off; proxy_pass http://registry; }
      location / {
        proxy_pass http://registry; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
        proxy_buffer_size 128k; proxy_buffers 8 128k; proxy_busy_buffers_size 512k; proxy_max_temp_file_size 0;
      }
    }`;
  const server = workspace.startServer(program, await configureNginx({ directory: setup.directory, http }));
  const url = `http://127.0.0.1:${port}`;
  await waitForOk(`${url}/v2/`, server);
  return url;
}

async function startFarLink(workspace: Workspace, targetPort: number): Promise<string> {
  const port = await findFreePort();
  const program = fileURLToPath(new URL('far-link-main.ts', import.meta.url));
  const args = [program, port, targetPort, farRoundTripMs, farBytesPerSecond].map(String);
  const server = workspace.startServer(process.execPath, args);
  const url = `http://127.0.0.1:${port}`;
  await waitForOk(`${url}/v2/`, server);
  return url;
}

/** A contestant may go on fetching after its clients have left; counts are only complete when it has stopped. */
async function waitUntilIdle(frontUrl: string): Promise<void> {
  const limit = performance.now() + 150_000;
  for (let quiet = 0; quiet < 3 && performance.now() < limit;) {
    const { text } = await getAnswer(`${frontUrl}/bench-status`);
    // "Reading" and "Writing" count connections with a request under way; this one is the one.
    const busy = Number(/Reading: (\d+)/.exec(text)?.[1] ?? 0) + Number(/Writing: (\d+)/.exec(text)?.[1] ?? 0);
    quiet = busy <= 1 ? quiet + 1 : 0;
    await wait(100);
  }
}

async function readBetween(file: string, start: number, end: number): Promise<string> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(end - start), 0, end - start, start);
    return String(buffer.subarray(0, bytesRead));
  } finally {
    await handle.close();
  }
}

function parseLog(text: string): readonly UpstreamRequest[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [method = '', path = '', bytes = '0'] = line.split(' ');
      return { method, path, bodyBytes: Number(bytes) };
    });
}
