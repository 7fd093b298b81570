import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Activity } from '../../server/audit/activity.ts';
import { openAuditLog } from '../../server/audit/audit-log.ts';
import type { AuditLog } from '../../server/audit/audit-log.ts';
import type { AuditEvent } from '../../server/audit/events.ts';
import { openDatabase } from '../../server/db/database.ts';
import { systemClock } from '../../server/lib/clock.ts';

/** Prints what recording costs and how long a search takes: `node test/bench/audit-throughput.ts [events]`. */
const total = Number(process.argv[2] ?? 1_000_000);
const perSecond = 25_000;
const directory = mkdtempSync(join(tmpdir(), 'audit-throughput-'));

function event(index: number, at: number): AuditEvent {
  const digest = `sha256:${((index * 2654435761) % 200_000).toString(16).padStart(64, '0')}`;
  const isManifest = index % 3 === 0;
  const repository = `ghcr.io/team-${String(index % 40)}/application-${String(index % 300)}`;
  return {
    event: isManifest ? 'artifact_pull' : 'blob_pull',
    at,
    artifact: isManifest ? `${repository}:v1.${String(index % 90)}` : `${repository}@${digest}`,
    clientIp: `10.0.1.${String(index % 250)}`,
    user: index % 4 === 0 ? 'deploy-pipeline' : undefined,
    digest,
    cached: true,
    outcome: index % 50 === 0 ? 'miss' : 'hit',
    method: 'GET',
    status: 200,
    bytes: 1543 + index,
    durationMs: 0.421,
    userAgent: 'containers/5.34.3 (github.com/containers/image)',
    requestId: `0f8fad5b-d9cb-469f-a165-${index.toString(16).padStart(12, '0')}`,
    upstream: 'ghcr.io',
  };
}

function print(what: string, figure: string): void {
  console.log(`${what.padEnd(64)} ${figure}`);
}

function quantile(values: readonly number[], share: number): string {
  return (values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? 0).toFixed(2);
}

function mean(values: readonly number[]): string {
  return (values.reduce((sum, value) => sum + value, 0) / values.length).toFixed(2);
}

/** 25,000 a second for five seconds, in bursts of 10 ms: what a busy mirror does. */
async function paced(log: AuditLog): Promise<void> {
  const bursts = 500;
  const perBurst = perSecond / 100;
  const spent: number[] = [];
  let highest = 0;
  const begin = performance.now();
  for (let burst = 0; burst < bursts; burst += 1) {
    const events = Array.from({ length: perBurst }, (_, index) => event(burst * perBurst + index, Date.now()));
    const before = performance.now();
    for (const each of events) log.record(each);
    spent.push(((performance.now() - before) * 1000) / perBurst);
    highest = Math.max(highest, log.pressure());
    const wait = begin + (burst + 1) * 10 - performance.now();
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, wait)));
  }
  const recorded = performance.now();
  print(
    `record(), ${String(perSecond)} events/s asked for`,
    `${quantile(spent, 0.5)} µs each (median burst; mean ${mean(spent)}, p99 ${quantile(spent, 0.99)}, a busy machine included)`,
  );
  print(
    '  reached',
    `${((bursts * perBurst) / ((recorded - begin) / 1000)).toFixed(0)} events/s; queue at most ${(highest * 100).toFixed(1)} %`,
  );
  await log.flush();
  print('  flush() afterwards', `${(performance.now() - recorded).toFixed(0)} ms`);
}

async function fill(log: AuditLog): Promise<void> {
  const begin = performance.now();
  for (let index = 0; index < total; index += 1000) {
    const at = Date.now();
    for (let each = index; each < index + 1000; each += 1) log.record(event(each, at));
    while (log.pressure() > 0.5) await new Promise((resolve) => setTimeout(resolve, 20));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await log.flush();
  print(`${String(total)} events, on disk and in the index`, `${((performance.now() - begin) / 1000).toFixed(1)} s`);
}

async function search(log: AuditLog): Promise<void> {
  const queries = {
    'newest 100': {},
    'text that many rows have': { text: 'application-2' },
    'text that 1 in 300 rows has': { text: 'application-299:' },
    'text that no row has': { text: 'nothing-has-this' },
    'text in a digest of a blob': { text: '1d4c0' },
    client: { text: '10.0.1.249' },
    'outcome that no row has': { outcome: 'failed' },
    'text and an outcome no row has': { text: 'application', outcome: 'failed' },
    digest: { digest: event(7, 0).digest },
  } as const;
  for (const [name, query] of Object.entries(queries)) {
    const begin = performance.now();
    const page = await log.search(query);
    const ms = performance.now() - begin;
    const again = performance.now();
    await log.search(query);
    print(
      `search: ${name}`,
      `${ms.toFixed(0)} ms, again ${(performance.now() - again).toFixed(0)} ms (${String(page.rows.length)} rows${page.next === undefined ? ', all' : ''})`,
    );
  }
  const begin = performance.now();
  const clients = await log.clients(0);
  print('clients()', `${(performance.now() - begin).toFixed(0)} ms (${String(clients.length)})`);
}

function counters(): void {
  const db = openDatabase(join(directory, 'counters.db'));
  const activity = new Activity({ db, clock: systemClock, onError: console.error });
  const events = Array.from({ length: 1000 }, (_, index) => event(index, Date.now()));
  for (const warm of events) activity.noteRequest(warm);
  let begin = performance.now();
  for (let round = 0; round < 500; round += 1) for (const each of events) activity.noteRequest(each);
  print('noteRequest()', `${((performance.now() - begin) * 2).toFixed(0)} ns`);
  begin = performance.now();
  for (let round = 0; round < 500_000; round += 1) activity.noteFetched(65_536);
  print('noteFetched()', `${((performance.now() - begin) * 2).toFixed(0)} ns`);
  begin = performance.now();
  activity.series('7d', Date.now());
  print("series('7d')", `${(performance.now() - begin).toFixed(2)} ms`);
  activity.close();
  db.close();
}

const databasePath = join(directory, 'state.db');
openDatabase(databasePath).close();
const log = await openAuditLog({
  file: join(directory, 'audit.jsonl'),
  databasePath,
  clock: systemClock,
  onError: console.error,
});
try {
  await paced(log);
  await fill(log);
  print(
    'audit file / database',
    `${(statSync(join(directory, 'audit.jsonl')).size / 1e6).toFixed(0)} MB / ${(statSync(databasePath).size / 1e6).toFixed(0)} MB`,
  );
  await search(log);
  counters();
} finally {
  await log.close();
  rmSync(directory, { recursive: true, force: true });
}
