import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { randomContent } from '../../support/content.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { image } from '../../support/image-builder.ts';
import { startMirrorProcess } from '../../support/mirror-process.ts';
import { pullGraph } from '../../support/pull-graph.ts';
import { ask } from '../../support/ask.ts';
import { storedContent } from './stored-content.ts';

describe('kill -9', () => {
  test('during a download: after the restart the rest comes by Range and every byte is right', async () => {
    const upstream = await startFakeUpstream();
    const app = image({ layers: [{ content: randomContent('killed', 4_000_000) }] });
    const { digest } = app.layers[0]!;
    upstream.add('acme/app', 'v1', app);
    upstream.script({ match: { kind: 'blob', reference: digest }, times: 1, fault: { hold: { at: 3_000_000 } } });
    const mirror = await startMirrorProcess({ upstream });
    const broken = ask(`${mirror.url}/v2/acme/app/blobs/${digest}`);
    const incoming = join(mirror.dataDirectory, 'incoming');
    // until something is on disk; the test's limit ends a wait in vain
    while ((await readdir(incoming).catch(() => [])).length === 0)
      await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setTimeout(resolve, 400));
    await mirror.kill9();
    expect((await broken).broken).toBe('ECONNRESET');
    await mirror.start();
    upstream.clearRequests();
    await pullGraph(mirror.url, 'acme/app:v1');
    expect(upstream.requests.filter((seen) => seen.reference === digest).map((seen) => seen.status)).toEqual([206]);
    await mirror.stop();
    expect((await storedContent(mirror.dataDirectory)).blobs).toContain(digest);
  });

  test('at any moment: after each restart rows and files agree, and pulls are right', async () => {
    const upstream = await startFakeUpstream();
    const graphs = Array.from({ length: 40 }, (_, i) =>
      image({
        layers: [{ content: randomContent(`crash ${String(i)}`, 30_000 * (1 + (i % 30))) }, `small ${String(i)}`],
      }),
    );
    for (const [i, graph] of graphs.entries()) upstream.add(`acme/app${String(i)}`, 'v1', graph);
    const mirror = await startMirrorProcess({ upstream });
    for (let round = 0; round < 4; round += 1) {
      upstream.clearRequests();
      const pulls = graphs
        .slice(round * 10, round * 10 + 10)
        .map((_, i) => pullGraph(mirror.url, `acme/app${String(round * 10 + i)}:v1`).catch(() => undefined));
      // somewhere between the first answer and the last
      await upstream.received({ kind: 'blob' }, 3 + round * 4);
      await mirror.kill9();
      await Promise.all(pulls);
      await mirror.start();
      await mirror.stop();
      await storedContent(mirror.dataDirectory);
      await mirror.start();
    }
    for (const [i, graph] of graphs.entries())
      expect((await pullGraph(mirror.url, `acme/app${String(i)}:v1`)).digest).toBe(graph.digest);
    await mirror.stop();
    const { blobs, incoming } = await storedContent(mirror.dataDirectory);
    expect([blobs.length, incoming]).toEqual([new Set(graphs.flatMap((graph) => [...graph.blobs.keys()])).size, []]);
    // nine starts of a process: on a busy machine that alone takes half a minute
  }, 120_000);
});
