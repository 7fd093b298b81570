import { createHash } from 'node:crypto';
import { lookup } from 'node:dns';
import { mkdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { MirrorConfig } from './app.types.ts';
import { assemble } from './app-parts.ts';
import type { MirrorParts, Opened } from './app-parts.ts';
import { upstream as upstreamSchema } from './config/schema.ts';
import { openDatabase } from './db/database.ts';
import { createDoor } from './http/listener.ts';
import { createLog } from './lib/log.ts';
import { registryHandler } from './registry/door.ts';
import { layoutOf } from './storage/layout.ts';
import { BulkTransport } from './upstream/bulk-transport.ts';

const name = 'rehearsal.invalid';
const limitMs = 5000;
/** More than one block of what is read at once; more of it would only cost memory. */
const layerBytes = 70_000;

/**
 * Pulls a small image through everything a pull goes through (door, upstream connection, hash, disk, database), in a folder
 * of its own that is removed again. It proves that a pull works here before a client finds out, and the first client does
 * not pay for what an engine does at first use, some 10 ms of its first pull.
 * @returns why a pull does not work; undefined when it does
 */
export async function rehearse(config: MirrorConfig, opened: Opened): Promise<string | undefined> {
  const directory = join(opened.layout.incoming, 'rehearsal');
  const image = rehearsalImage();
  const upstream = createServer((request, response) => {
    answer(image, request, response);
  });
  let parts: MirrorParts | undefined;
  let door: Server | undefined;
  try {
    await mkdir(directory, { recursive: true });
    parts = stage({ config, opened, directory, upstreamPort: await listen(upstream) });
    door = createDoor(registryHandler(parts, { trustedProxies: [], otherwise: ignore }), undefined);
    await pull(image, `http://127.0.0.1:${String(await listen(door))}`, `zhi-mirror/${config.version}`);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    for (const server of [door, upstream]) {
      server?.closeAllConnections();
      server?.close();
    }
    if (parts !== undefined) await strike(parts);
    // what can't be removed now is at the next start, with all else that is unfinished
    await rm(directory, { recursive: true, force: true }).catch(ignore);
  }
}

/** The parts of a mirror whose only upstream is the rehearsal's, which writes no audit and forgets its database. */
function stage({ config, opened, directory, upstreamPort }: Stage): MirrorParts {
  const upstream = upstreamSchema.parse({ name, urls: [`http://127.0.0.1:${String(upstreamPort)}`] });
  const settings = {
    ...config.settings,
    upstreamRegistry: name,
    upstreams: [upstream],
    offline: false,
    policy: { file: '' },
    // what is proved is the way of a pull; whether there is room is told elsewhere
    storageCap: 0,
    freeSpaceFloor: 0,
  };
  const silent = {
    ...opened,
    db: openDatabase(':memory:'),
    layout: layoutOf(directory, ''),
    log: createLog({ level: 'error', clock: opened.clock, write: () => undefined }),
    audit: { ...opened.audit, record: () => undefined },
  };
  const events = { contentChanged: ignore, upstreamsChanged: ignore, policyChanged: ignore, warned: ignore };
  return assemble({ ...config, settings, isDefaultUpstreamGiven: true }, events, silent);
}

async function pull(image: Image, url: string, userAgent: string): Promise<void> {
  const transport = new BulkTransport({
    connectTimeoutMs: limitMs,
    headersTimeoutMs: limitMs,
    idleTimeoutMs: limitMs,
    userAgent,
    onBytes: ignore,
  });
  const signal = AbortSignal.timeout(limitMs);
  const get = async (path: string, content: Buffer): Promise<void> => {
    const target = new URL(`/v2/${name}/rehearsal/${path}`, url);
    const endpoint = { url: target, lookup, rejectUnauthorized: true, secureContext: undefined };
    const sent = await transport.send(
      { method: 'GET', url: target, headers: {}, isGuarded: false, signal },
      endpoint,
      url,
    );
    const body = await sent.body.bytes(layerBytes);
    if (sent.status !== 200) throw new Error(`a rehearsed pull ended with status ${String(sent.status)}`);
    if (!body.equals(content)) throw new Error('a rehearsed pull came back with other bytes');
  };
  try {
    await get('manifests/1', image.manifest);
    await Promise.all([...image.blobs].map(([digest, content]) => get(`blobs/${digest}`, content)));
  } finally {
    transport.close();
  }
}

async function strike(parts: MirrorParts): Promise<void> {
  await parts.blobCache.stop(limitMs);
  await parts.upstreams.close();
  parts.activity.close();
  parts.quotaHistory.close();
  await parts.hashes.close();
  parts.db.close();
}

interface Stage {
  readonly config: MirrorConfig;
  readonly opened: Opened;
  readonly directory: string;
  readonly upstreamPort: number;
}

interface Image {
  readonly manifest: Buffer;
  readonly blobs: ReadonlyMap<string, Buffer>;
}

function rehearsalImage(): Image {
  const layer = Buffer.alloc(layerBytes, 0x5a);
  const config = Buffer.from('{"architecture":"unknown","os":"unknown","rootfs":{"type":"layers","diff_ids":[]}}');
  const describe = (content: Buffer, mediaType: string): object => ({
    mediaType: `application/vnd.oci.image.${mediaType}`,
    digest: digestOf(content),
    size: content.length,
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: describe(config, 'config.v1+json'),
    layers: [describe(layer, 'layer.v1.tar')],
  };
  return {
    manifest: Buffer.from(JSON.stringify(manifest)),
    blobs: new Map([config, layer].map((content) => [digestOf(content), content])),
  };
}

function digestOf(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

function answer(image: Image, request: IncomingMessage, response: ServerResponse): void {
  const [kind, reference = ''] = (request.url ?? '').split('/').slice(-2);
  const content = kind === 'manifests' ? image.manifest : image.blobs.get(reference);
  if (content === undefined) response.writeHead(404).end();
  else
    response
      .writeHead(200, {
        'content-type':
          kind === 'manifests' ? 'application/vnd.oci.image.manifest.v1+json' : 'application/octet-stream',
        'content-length': content.length,
        'docker-content-digest': digestOf(content),
      })
      .end(content);
}

function listen(server: Server): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.once('error', reject).listen({ port: 0, host: '127.0.0.1' }, () => {
    resolve((server.address() as AddressInfo).port);
  });
  return promise;
}

function ignore(): void {
  // a rehearsal has no audience
}
