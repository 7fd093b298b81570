import { parentPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import type { AuditReceiver } from '../../config/audit-receiver.ts';
import { openDatabase } from '../../db/database.ts';
import type { Database } from '../../db/database.ts';
import { systemClock } from '../../lib/clock.ts';
import { LineEncoder } from '../audit-line.ts';
import { FileReceiver } from './file-receiver.ts';
import type { ForwardAnswer, ForwardRequest, ForwardStart } from './forward-channel.ts';
import { Forwarder } from './forwarder.ts';
import type { CursorStore } from './forwarder.ts';
import { LogReader } from './log-reader.ts';
import type { Receiver, Sender } from './receiver.ts';
import { SyslogReceiver } from './syslog.ts';
import { WebhookReceiver } from './webhook.ts';

/** Brings the log to its receivers in a thread of its own: pulls never wait for one. */
const tellMs = 500;
const testTimeoutMs = 15_000;

function receiverOf(to: AuditReceiver, sender: Sender): Receiver {
  if (to.type === 'file') return new FileReceiver(to.file);
  if (to.type === 'syslog') return new SyslogReceiver({ url: to.url, format: to.format, ca: to.ca, sender });
  return new WebhookReceiver({ ...to, sender, clock: systemClock });
}

function cursorOf(db: Database, name: string): CursorStore {
  const load = db.prepare<[string], { seq: number; skipped: number }>(
    'SELECT seq, skipped FROM audit_forwards WHERE name = ?',
  );
  const save = db.prepare('INSERT OR REPLACE INTO audit_forwards (name, seq, skipped) VALUES (?, ?, ?)');
  return { load: () => load.get(name), save: ({ seq, skipped }) => save.run(name, seq, skipped) };
}

async function test(to: AuditReceiver, sender: Sender): Promise<void> {
  const receiver = receiverOf(to, sender);
  const at = systemClock.now();
  const text = new LineEncoder()
    .encode({
      event: 'audit_forward_test',
      at,
      artifact: to.name,
      clientIp: '',
      cached: false,
      outcome: 'ok',
      requestId: '',
      detail: 'a test event, sent by a person',
    })
    .trimEnd();
  try {
    await receiver.send([{ id: `test-${String(at)}`, seq: 0, text }], AbortSignal.timeout(testTimeoutMs));
  } finally {
    receiver.close();
  }
}

async function answerTest(start: ForwardStart, id: number, name: string): Promise<ForwardAnswer> {
  const begin = systemClock.monotonic();
  const to = start.receivers.find((receiver) => receiver.name === name);
  let error: string | undefined;
  try {
    if (to === undefined) throw new Error(`there is no receiver "${name}"`);
    await test(to, start.sender);
  } catch (failure) {
    error = failure instanceof Error ? failure.message : String(failure);
  }
  return { op: 'tested', id, error, durationMs: systemClock.monotonic() - begin };
}

function main(start: ForwardStart, port: MessagePort): void {
  const db = openDatabase(start.databasePath, { migrate: false });
  const closing = new AbortController();
  const send = (answer: ForwardAnswer): void => {
    port.postMessage(answer);
  };
  const forwarders = start.receivers.map((to): readonly [string, Forwarder] => [
    to.name,
    new Forwarder({
      receiver: receiverOf(to, start.sender),
      reader: new LogReader(start.file),
      cursor: cursorOf(db, to.name),
      clock: systemClock,
      queueLimit: to.queueLimit,
      onGap: (from, until, why) => {
        send({ op: 'gap', name: to.name, from, to: until, why });
      },
    }),
  ]);
  const tell = (): void => {
    send({ op: 'progress', receivers: Object.fromEntries(forwarders.map(([name, each]) => [name, each.progress])) });
  };
  const stopTelling = systemClock.every(tellMs, tell);
  const running = Promise.all(forwarders.map(([, forwarder]) => forwarder.run(closing.signal)));
  port.on('message', (request: ForwardRequest) => {
    if (request.op === 'test') void answerTest(start, request.id, request.name).then(send);
    else closing.abort();
  });
  void running.finally(() => {
    stopTelling();
    tell();
    db.close();
    port.close();
  });
}

if (parentPort === null) throw new Error('forward-worker runs only as a worker thread');
main(workerData as ForwardStart, parentPort);
