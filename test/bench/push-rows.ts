import { withEntrant, type Turn } from './bench.ts';
import { getAnswer } from './http-probe.ts';
import type { MeasureId, Readings } from './measures.ts';
import { readTreeUsage } from './process-tree.ts';
import { buildPushImages, PushClient } from './push-client.ts';
import { now } from './statistics.ts';

/** One row of pushes. */
export interface PushRow {
  readonly layerMebibytes: number;
  /** Images in one run; a quarter of them with `--quick`. */
  readonly images: number;
  readonly rate: MeasureId;
  readonly cpu: MeasureId;
}

const clients = 4;
const mebibyte = 1024 * 1024;

/** Images of one random layer each, pushed by four clients to an empty registry, and what its process spends on them. */
export async function measurePush(turn: Turn, row: PushRow): Promise<Readings> {
  const { bench, contestant, round } = turn;
  // one is only a front, the other is the upstream itself
  if (contestant.key === 'nginx' || contestant.key === 'direct') return {};
  const count = bench.options.isQuick ? Math.ceil(row.images / 4) : row.images;
  const [first, ...images] = buildPushImages(count + 1, row.layerMebibytes * mebibyte);
  if (first === undefined) throw new Error('no image to push');
  const entry = { contestant, distance: 'near', cache: 'empty', role: 'registry' } as const;
  return withEntrant(bench, entry, async ({ url, server }) => {
    const client = new PushClient(url);
    try {
      // whoever compiles while running, or opens files lazily, has done so by then
      await client.push(first);
      if (round === 0) await verifyLayer(`${url}/v2/${first.repository}/blobs/`, first.layer.digest);
      const before = server === undefined ? 0 : readTreeUsage(server.pid).cpuSeconds;
      const startedAt = now();
      await client.pushAll(images, clients);
      const seconds = (now() - startedAt) / 1_000;
      const spent = server === undefined ? 0 : readTreeUsage(server.pid).cpuSeconds - before;
      return { [row.rate]: count / seconds, [row.cpu]: spent / ((count * row.layerMebibytes) / 1024) };
    } finally {
      client.close();
    }
  });
}

async function verifyLayer(blobs: string, digest: string): Promise<void> {
  const answer = await getAnswer(`${blobs}${digest}`);
  if (answer.digest !== digest) throw new Error(`blob ${digest}: status ${answer.status}, wrong content`);
}
