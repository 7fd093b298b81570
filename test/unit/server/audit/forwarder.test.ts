import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Forwarder } from '../../../../server/audit/forward/forwarder.ts';
import type { CursorStore } from '../../../../server/audit/forward/forwarder.ts';
import { LogReader } from '../../../../server/audit/forward/log-reader.ts';
import type { ForwardLine, Receiver } from '../../../../server/audit/forward/receiver.ts';
import { syslogFrame } from '../../../../server/audit/forward/syslog-message.ts';
import { LineEncoder } from '../../../../server/audit/audit-line.ts';
import { atTestEnd } from '../../../support/cleanup.ts';
import { pull } from './audit-events.ts';
import { openTrail } from './trail-builder.ts';
import type { TestTrail } from './trail-builder.ts';

const hourMs = 3_600_000;

/** A receiver that can be away. */
class FakeReceiver implements Receiver {
  readonly batch = 7;
  readonly got: number[] = [];
  settleMs = 0;
  isLost = false;
  isAway = false;

  send(lines: readonly ForwardLine[]): Promise<void> {
    if (this.isAway) return Promise.reject(new Error('away'));
    this.isLost = false;
    this.got.push(...lines.map(({ seq }) => seq));
    return Promise.resolve();
  }

  close(): void {
    // nothing is open
  }
}

interface Sending {
  readonly log: TestTrail;
  readonly receiver: FakeReceiver;
  readonly forwarder: Forwarder;
  readonly gaps: [number, number][];
  readonly cursor: CursorStore;
}

function startForwarder(log: TestTrail, receiver: FakeReceiver, queueLimit = 2 ** 30): Sending {
  let kept: { seq: number; skipped: number } | undefined;
  const cursor: CursorStore = {
    load: () => kept,
    save: (saved) => {
      kept = saved;
    },
  };
  const gaps: [number, number][] = [];
  const forwarder = new Forwarder({
    receiver,
    reader: new LogReader(log.file),
    cursor,
    clock: log.clock,
    queueLimit,
    onGap: (from, to) => gaps.push([from, to]),
  });
  const closing = new AbortController();
  const running = forwarder.run(closing.signal);
  atTestEnd(async () => {
    closing.abort();
    await running;
  });
  return { log, receiver, forwarder, gaps, cursor };
}

async function settle(log: TestTrail): Promise<void> {
  for (let step = 0; step < 40; step += 1) {
    await log.clock.advance(250);
    await turn();
  }
}

const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

it('sends every line once and in order, over rotated files, while it is written', async () => {
  const log = await openTrail({ rotateBytes: 4000 });
  const { receiver, forwarder, gaps } = startForwarder(log, new FakeReceiver());
  for (let index = 0; index < 20; index += 1) {
    log.write(index * 5, index * 5 + 4);
    if (log.trail.isFull) log.trail.rotate().close();
    await settle(log);
  }
  const head = receiver.got.length;
  expect(receiver.got).toEqual(numbers(1, head));
  expect([head > 100, forwarder.progress.seq, forwarder.progress.bytesBehind, gaps]).toEqual([true, head, 0, []]);
});

it('loses nothing over an outage of an hour, and tells of it', async () => {
  const log = await openTrail({ rotateBytes: 4000 });
  const { receiver, forwarder } = startForwarder(log, new FakeReceiver());
  log.write(1, 10);
  await settle(log);
  receiver.isAway = true;
  for (let minute = 0; minute < 60; minute += 1) {
    log.write(100 + minute, 100 + minute);
    if (log.trail.isFull) log.trail.rotate().close();
    await log.clock.advance(hourMs / 60);
  }
  expect(forwarder.progress).toMatchObject({ seq: 10, error: 'away' });
  expect(forwarder.progress.bytesBehind).toBeGreaterThan(1000);
  receiver.isAway = false;
  await log.clock.advance(61_000);
  await settle(log);
  expect(receiver.got).toEqual(numbers(1, receiver.got.length));
  expect(receiver.got.length).toBeGreaterThanOrEqual(70);
  expect(forwarder.progress).toMatchObject({ seq: receiver.got.length, error: undefined, bytesBehind: 0 });
});

it('leaves out the oldest lines when more wait than the limit, and says which', async () => {
  const log = await openTrail();
  const { receiver, forwarder, gaps } = startForwarder(log, new FakeReceiver(), 20_000);
  log.write(1, 10);
  await settle(log);
  receiver.isAway = true;
  log.write(11, 200);
  await log.clock.advance(120_000);
  receiver.isAway = false;
  await log.clock.advance(61_000);
  await settle(log);
  expect(gaps).toHaveLength(1);
  const [[from, to] = [0, 0]] = gaps;
  expect([from, receiver.got, forwarder.progress.skipped]).toEqual([
    11,
    [...numbers(1, 10), ...numbers(to + 1, 200)],
    to - 10,
  ]);
});

it('sends again what had not settled when the connection was lost', async () => {
  const log = await openTrail();
  const receiver = new FakeReceiver();
  receiver.settleMs = 5000;
  const { forwarder } = startForwarder(log, receiver);
  log.write(1, 5);
  await log.clock.sleepers(1);
  await log.clock.advance(500);
  expect(receiver.got).toEqual([1, 2, 3, 4, 5]);
  receiver.isLost = true;
  await settle(log);
  expect([receiver.got, forwarder.progress.seq]).toEqual([[1, 2, 3, 4, 5, 1, 2, 3, 4, 5], 5]);
});

it('writes RFC 5424 with octet counting, as JSON or as CEF', () => {
  const event = pull({ artifact: 'up.test/a=b:1', userAgent: 'x|y\\z', requestId: '' });
  const text = new LineEncoder().encode(event).trimEnd();
  const sender = { hostname: 'mirror-1', version: '1.2.3', fingerprint: 'f'.repeat(64) };
  const header = `<110>1 ${new Date(event.at).toISOString()} mirror-1 zhi-mirror - artifact_pull [meta sequenceId="42"] `;
  const line = { id: '42', seq: 42, text };
  const frame = (message: string): string => `${String(Buffer.byteLength(header + message))} ${header}${message}`;
  expect(syslogFrame(line, 'json', sender).toString()).toBe(frame(text));
  expect(syslogFrame(line, 'cef', sender).toString()).toBe(
    frame(
      `CEF:0|Zhi|Mirror|1.2.3|artifact_pull|artifact pull|1|rt=${String(event.at)} externalId=42 src=10.0.1.42 suser=deploy-pipeline request=up.test/a\\=b:1 requestMethod=GET requestClientApplication=x|y\\\\z outcome=hit out=1543 cs1Label=digest cs1=${event.digest ?? ''} cs2Label=upstream cs2=${event.upstream ?? ''} cn1Label=status cn1=200`,
    ),
  );
});
