import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ContestantKey } from './options.ts';
import { configureNginx } from './nginx.ts';
import { findFreePort, findProgram, type Server, type Workspace } from './workspace.ts';

/** Where a contestant is to run. */
export interface Place {
  readonly workspace: Workspace;
  /** Holds its cache and configuration; the same directory again means a warm start. */
  readonly directory: string;
  readonly upstreamUrl: string;
  /** A registry is given no upstream: pull-through caches take no pushes. */
  readonly role: 'mirror' | 'registry';
}

/** A contestant that has been started, perhaps not listening yet. */
export interface Launched {
  readonly url: string;
  /** Absent for the upstream itself, which is asked directly. */
  readonly server: Server | undefined;
}

/** A mirror that can be put in front of the upstream. */
export interface Contestant {
  readonly key: ContestantKey;
  readonly title: string;
  /** Why it cannot take part on this machine. */
  readonly missing: string | undefined;
  launch(place: Place): Promise<Launched>;
}

/**
 * Every contestant of the benchmark. Peers are configured in their own favour: no access log, least logging, nothing
 * switched on that the comparison does not need. This mirror runs with its defaults, audit log included.
 */
export function listContestants(): readonly Contestant[] {
  return [
    { key: 'direct', title: 'direct', missing: undefined, launch: launchNothing },
    peer('zot', 'zot', 'zot', launchZot),
    peer('distribution3', 'Distribution 3', 'registry', launchDistribution),
    peer('distribution2', 'Distribution 2', 'docker-registry', launchDistribution),
    peer('nginx', 'nginx', 'nginx', launchNginx),
    {
      key: 'mirror',
      title: 'Zhi Mirror',
      missing: existsSync(cliFile) ? undefined : 'dist/server/cli.js is not built (npm run build)',
      launch: launchMirror,
    },
  ];
}

type LaunchPeer = (program: string, place: Place) => Promise<Launched>;

const cliFile = fileURLToPath(new URL('../../dist/server/cli.js', import.meta.url));

function peer(key: ContestantKey, title: string, name: string, launch: LaunchPeer): Contestant {
  const program = findProgram(name);
  return {
    key,
    title,
    missing: program === undefined ? `no program "${name}" on PATH` : undefined,
    launch: (place) => launch(program ?? name, place),
  };
}

function launchNothing({ upstreamUrl }: Place): Promise<Launched> {
  return Promise.resolve({ url: upstreamUrl, server: undefined });
}

async function launchZot(program: string, { workspace, directory, upstreamUrl, role }: Place): Promise<Launched> {
  const port = await findFreePort();
  const settings = {
    distSpecVersion: '1.1.1',
    storage: { rootDirectory: join(directory, 'content') },
    http: { address: '127.0.0.1', port: String(port), compat: ['docker2s2'] },
    log: { level: 'error' },
    ...(role === 'registry' ? {} : { extensions: { sync: { enable: true, registries: [zotUpstream(upstreamUrl)] } } }),
  };
  const file = join(directory, 'zot.json');
  await writeFile(file, JSON.stringify(settings));
  return { url: `http://127.0.0.1:${port}`, server: workspace.startServer(program, ['serve', file]) };
}

function zotUpstream(url: string): object {
  return { urls: [url], onDemand: true, tlsVerify: false, preserveDigest: true, content: [{ prefix: '**' }] };
}

async function launchDistribution(
  program: string,
  { workspace, directory, upstreamUrl, role }: Place,
): Promise<Launched> {
  const port = await findFreePort();
  const settings = {
    version: '0.1',
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(directory, 'content') }, cache: { blobdescriptor: 'inmemory' } },
    http: { addr: `127.0.0.1:${port}` },
    ...(role === 'registry' ? {} : { proxy: { remoteurl: upstreamUrl } }),
  };
  const file = join(directory, 'registry.json');
  await writeFile(file, JSON.stringify(settings));
  const server = workspace.startServer(program, ['serve', file], { OTEL_TRACES_EXPORTER: 'none' });
  return { url: `http://127.0.0.1:${port}`, server };
}

async function launchNginx(program: string, { workspace, directory, upstreamUrl }: Place): Promise<Launched> {
  const port = await findFreePort();
  const http = `
    access_log off;
    proxy_cache_path ${join(directory, 'content')} levels=1:2 keys_zone=mirror:16m max_size=100g inactive=1d use_temp_path=off;
    upstream registry { server ${new URL(upstreamUrl).host}; keepalive 64; }
    server {
      listen 127.0.0.1:${port} backlog=1024;
      location /v2/ {
        proxy_pass http://registry; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffers 8 128k;
        proxy_buffer_size 128k; proxy_busy_buffers_size 512k;
        proxy_cache mirror; proxy_cache_valid 200 1h; proxy_ignore_headers Cache-Control Expires Vary;
        proxy_cache_lock on; proxy_cache_lock_timeout 10m; proxy_cache_lock_age 10m;
      }
    }`;
  const server = workspace.startServer(program, await configureNginx({ directory, http }));
  return { url: `http://127.0.0.1:${port}`, server };
}

async function launchMirror({ workspace, directory, upstreamUrl, role }: Place): Promise<Launched> {
  const listen = `127.0.0.1:${await findFreePort()}`;
  const adminListen = `127.0.0.1:${await findFreePort()}`;
  const asMirror = { upstreamRegistry: 'up.test', upstreams: [{ name: 'up.test', urls: [upstreamUrl] }] };
  const settings = role === 'registry' ? {} : asMirror;
  const file = join(directory, 'settings.yaml');
  await writeFile(file, JSON.stringify(settings));
  const args = ['serve', '--listen', listen, '--admin-listen', adminListen];
  args.push('--data-dir', join(directory, 'data'), '--settings', file);
  return { url: `http://${listen}`, server: workspace.startServer(process.execPath, [cliFile, ...args]) };
}
