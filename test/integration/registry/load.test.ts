import { existsSync } from 'node:fs';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { contentDigest, randomContent } from '../../support/content.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { image } from '../../support/image-builder.ts';
import { startMirrorProcess } from '../../support/mirror-process.ts';
import type { MirrorProcess } from '../../support/mirror-process.ts';

const mebibyte = 1024 * 1024;
const limitBytes = 200 * mebibyte;
const size = 32 * mebibyte;
const content = randomContent('load', size);
const digest = contentDigest(content);
const app = image({ layers: [{ content }] });

/** Digest of what arrives. */
async function digestOfBody(response: IncomingMessage): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of response) hash.update(piece as Buffer);
  return `sha256:${hash.digest('hex')}`;
}

/** A client that has the headers and reads when the test says. */
function open(mirror: MirrorProcess, blob: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request(`${mirror.url}/v2/acme/app/blobs/${blob}`, { agent: false }, resolve).on('error', reject).end();
  });
}

const from = existsSync(join(import.meta.dirname, '../../../dist/server/cli.js')) ? 'built' : 'source';

describe.skipIf(process.platform !== 'linux')('the memory of the process stays below 200 MiB', () => {
  test('with 50 clients on one cold blob, and the upstream sends it once', async () => {
    const upstream = await startFakeUpstream();
    upstream.add('acme/app', 'v1', app);
    const mirror = await startMirrorProcess({ upstream, from });
    const pulls = await Promise.all(Array.from({ length: 50 }, async () => digestOfBody(await open(mirror, digest))));
    expect(new Set(pulls)).toEqual(new Set([digest]));
    expect(upstream.count({ kind: 'blob' })).toBe(1);
    expect(mirror.peakRssBytes()).toBeLessThan(limitBytes);
  }, 60_000);

  test('with 200 clients that stop reading on the way, cold and warm', async () => {
    const upstream = await startFakeUpstream();
    const slow = randomContent('slow', 4 * mebibyte);
    upstream.add('acme/app', 'v1', image({ layers: [{ content: slow }] }));
    const mirror = await startMirrorProcess({ upstream, from });
    const slowDigest = contentDigest(slow);
    for (const state of ['cold', 'warm']) {
      const responses = await Promise.all(Array.from({ length: 200 }, () => open(mirror, slowDigest)));
      // nobody has read a byte; everything the mirror may push ahead is on its way
      expect([state, upstream.count({ kind: 'blob', method: 'GET' })]).toEqual([state, 1]);
      expect(mirror.rssBytes()).toBeLessThan(limitBytes);
      const digests = await Promise.all(responses.map(digestOfBody));
      expect(new Set(digests)).toEqual(new Set([slowDigest]));
    }
    expect(mirror.peakRssBytes()).toBeLessThan(limitBytes);
  }, 90_000);
});
