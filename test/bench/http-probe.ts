import { createHash } from 'node:crypto';
import { request, type IncomingMessage } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { Server } from './workspace.ts';

/** Every manifest type a container client accepts. */
export const manifestTypes = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
].join(', ');

/** One answer, read whole. */
export interface Answer {
  readonly status: number;
  readonly digestHeader: string | undefined;
  /** `sha256:` of the body as it arrived. */
  readonly digest: string;
  readonly sizeBytes: number;
  /** The body when it is not larger than 1 MiB. */
  readonly text: string;
}

/** Gets a URL over a connection of its own and hashes what arrives. Rejects when the transfer breaks off. */
export async function getAnswer(url: string, timeoutSeconds = 180): Promise<Answer> {
  const response = await open(url, AbortSignal.timeout(timeoutSeconds * 1_000));
  const hash = createHash('sha256');
  const start: Buffer[] = [];
  let sizeBytes = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    hash.update(piece);
    sizeBytes += piece.length;
    if (sizeBytes <= 1024 * 1024) start.push(piece);
  }
  return {
    status: response.statusCode ?? 0,
    digestHeader: firstOf(response.headers['docker-content-digest']),
    digest: `sha256:${hash.digest('hex')}`,
    sizeBytes,
    text: String(Buffer.concat(start)),
  };
}

/** Waits until `url` answers 200, asking every 2 ms, and tells how long that took. Fails after 30 s or when the server ends. */
export async function waitForOk(url: string, server: Server | undefined): Promise<number> {
  const startedAt = performance.now();
  while (performance.now() - startedAt < 30_000) {
    if (server !== undefined && !server.isRunning()) throw new Error(`it ended at once:\n${server.logTail()}`);
    if ((await statusOf(url)) === 200) return performance.now() - startedAt;
    await wait(2);
  }
  throw new Error(`no 200 on ${url} within 30 s:\n${server?.logTail() ?? ''}`);
}

async function statusOf(url: string): Promise<number> {
  try {
    const response = await open(url, AbortSignal.timeout(1_000));
    response.resume();
    return response.statusCode ?? 0;
  } catch {
    // Nobody listens yet: asked again.
    return 0;
  }
}

function open(url: string, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { agent: false, headers: { accept: manifestTypes }, signal }, resolve);
    outgoing.on('error', reject);
    outgoing.end();
  });
}

function firstOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
