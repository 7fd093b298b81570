import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { RunningProcess } from './child-process.ts';
import { atTestEnd } from './cleanup.ts';
import { startCountingProxy } from './counting-proxy.ts';
import type { CountingProxy } from './counting-proxy.ts';
import type { Graph } from './image-builder.ts';
import { pushGraph } from './push-graph.ts';

const binary = '/usr/bin/docker-registry';

/** Why a real registry cannot be started on this machine; undefined when it can. */
export function registryMissing(): string | undefined {
  return existsSync(binary) ? undefined : `${binary} is not installed (apt-get install docker-registry)`;
}

/** A real Distribution registry on loopback with its own empty storage. */
export interface Registry {
  /** Where clients and mirrors ask: the proxy when there is one. */
  readonly url: string;
  readonly host: string;
  /** The registry itself. */
  readonly directUrl: string;
  /** Present when asked for. */
  readonly proxy: CountingProxy | undefined;
  /** Pushes a graph; not counted by the proxy. */
  push(repository: string, tag: string | readonly string[], graph: Graph): Promise<void>;
  /** Ends the registry (and the proxy) and removes its storage. */
  stop(): Promise<void>;
}

export interface RegistryOptions {
  /** Puts a counting proxy in front. */
  readonly proxy?: boolean;
  /** Merged into the registry's configuration, e.g. `{ auth: … }` or `{ proxy: { remoteurl } }`. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** Starts Debian's docker-registry; stopped at the end of the test, or by the caller when started in `beforeAll`. */
export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const directory = await mkdtemp(join(tmpdir(), 'zhi-mirror-registry-'));
  const file = join(directory, 'config.yml');
  await writeFile(file, stringify({ ...configuration(directory), ...options.config }));
  const running = new RunningProcess(binary, ['serve', file], {
    env: { PATH: process.env.PATH, OTEL_TRACES_EXPORTER: 'none' },
  });
  const stop = async (): Promise<void> => {
    await proxy?.stop();
    await running.end();
    await rm(directory, { recursive: true, force: true });
  };
  let proxy: CountingProxy | undefined;
  atTestEnd(stop);
  const [, host = ''] = await running.printed(/listening on ([0-9.]+:[0-9]+)/);
  const directUrl = `http://${host}`;
  if (options.proxy === true) proxy = await startCountingProxy(directUrl);
  return {
    url: proxy?.url ?? directUrl,
    host: proxy?.host ?? host,
    directUrl,
    proxy,
    push: (repository, tag, graph) => pushGraph(directUrl, repository, tag, graph),
    stop,
  };
}

function configuration(directory: string): Readonly<Record<string, unknown>> {
  return {
    version: 0.1,
    log: { level: 'info', accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: join(directory, 'storage') },
      delete: { enabled: true },
      maintenance: { uploadpurging: { enabled: false } },
    },
    http: { addr: '127.0.0.1:0', relativeurls: true },
  };
}
