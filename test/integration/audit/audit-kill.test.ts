import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { verifyOwnLog } from '../../../server/audit/verify-own.ts';
import { ask } from '../../support/ask.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { image } from '../../support/image-builder.ts';
import { startMirrorProcess } from '../../support/mirror-process.ts';

const rounds = 20;
interface Answer {
  readonly client: number;
  readonly agent: string;
  /** When the client had the last byte. */
  readonly at: number;
}

/** Only the last answers of a client may be missing: whatever is in the log has all before it. */
function hasHole(answers: readonly Answer[], isThere: (answer: Answer) => boolean): boolean {
  const clients = Map.groupBy(answers, ({ client }) => client);
  return [...clients.values()].some((own) => own.findLastIndex(isThere) + 1 !== own.filter(isThere).length);
}

it('leaves a log that verifies and misses nothing but the youngest answers, wherever the process is killed', async () => {
  const upstream = await startFakeUpstream();
  const graph = image({ layers: ['a', 'b'] });
  upstream.add('acme/app', 'v1', graph);
  const mirror = await startMirrorProcess({ upstream });
  const file = join(mirror.dataDirectory, 'audit', 'audit.jsonl');
  const missing: number[] = [];
  const holes: number[] = [];
  let answered = 0;
  for (let round = 0; round < rounds; round += 1) {
    const answers: Answer[] = [];
    const controller = new AbortController();
    const paths = ['manifests/v1', `manifests/${graph.digest}`, ...graph.layers.map(({ digest }) => `blobs/${digest}`)];
    const clients = Array.from({ length: 8 }, async (_, client) => {
      for (let pull = 0; !controller.signal.aborted; pull += 1) {
        const agent = `r${String(round)}-c${String(client)}-${String(pull)}`;
        const path = paths[pull % paths.length] ?? '';
        const url = `${mirror.url}/v2/acme/app/${path}`;
        const seen = await ask(url, { headers: { 'user-agent': agent } }).catch(() => undefined);
        if (seen?.status === 200 && seen.broken === undefined) answers.push({ client, agent, at: performance.now() });
      }
    });
    await wait(150 + ((round * 7919) % 400));
    const killedAt = performance.now();
    await mirror.kill9();
    controller.abort();
    await Promise.all(clients);
    const text = await readFile(file, 'utf8');
    const isThere = ({ agent }: Answer): boolean => text.includes(`"user_agent":"${agent}"`);
    const gone = answers.filter((answer) => !isThere(answer));
    if (hasHole(answers, isThere)) holes.push(round);
    answered += answers.length;
    missing.push(...gone.map(({ at }) => Math.round(killedAt - at)));
    await mirror.start();
  }
  await mirror.stop();
  const report = await verifyOwnLog(join(mirror.dataDirectory, 'mirror.db'), file);
  process.stderr.write(
    `${String(answered)} answers in ${String(rounds)} rounds; ms before the kill of the missing ones: ${missing.join(' ')}\n`,
  );
  expect([holes, report.problems]).toEqual([[], []]);
  expect(report.checkpoints).toBeGreaterThanOrEqual(rounds);
}, 300_000);
