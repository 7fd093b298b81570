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
/** What is recorded when the process is killed may be this young and missing. */
const windowMs = 100;

interface Answer {
  readonly artifact: string;
  readonly agent: string;
  /** When the client had the last byte. */
  readonly at: number;
}

it('leaves a log that verifies and misses no pull that was over, wherever the process is killed', async () => {
  const upstream = await startFakeUpstream();
  const graph = image({ layers: ['a', 'b'] });
  upstream.add('acme/app', 'v1', graph);
  const mirror = await startMirrorProcess({ upstream });
  const file = join(mirror.dataDirectory, 'audit', 'audit.jsonl');
  const missing: number[] = [];
  const late: Answer[] = [];
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
        if (seen?.status === 200 && seen.broken === undefined)
          answers.push({ artifact: path, agent, at: performance.now() });
      }
    });
    await wait(150 + ((round * 7919) % 400));
    const killedAt = performance.now();
    await mirror.kill9();
    controller.abort();
    await Promise.all(clients);
    const text = await readFile(file, 'utf8');
    const gone = answers.filter(({ agent }) => !text.includes(`"user_agent":"${agent}"`));
    answered += answers.length;
    missing.push(...gone.map(({ at }) => Math.round(killedAt - at)));
    late.push(...gone.filter(({ at }) => at < killedAt - windowMs));
    await mirror.start();
  }
  await mirror.stop();
  const report = await verifyOwnLog(join(mirror.dataDirectory, 'mirror.db'), file);
  process.stderr.write(
    `${String(answered)} answers in ${String(rounds)} rounds; ms before the kill of the missing ones: ${missing.join(' ')}\n`,
  );
  expect([late, report.problems]).toEqual([[], []]);
  expect(report.checkpoints).toBeGreaterThanOrEqual(rounds);
}, 300_000);
