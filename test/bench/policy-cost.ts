import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { PolicyGate } from '../../server/cache/policy-gate.ts';
import { replayPolicy } from '../../server/cache/policy-replay.ts';
import { inTransaction, openDatabase } from '../../server/db/database.ts';
import type { Database } from '../../server/db/database.ts';
import { systemClock } from '../../server/lib/clock.ts';
import { evaluate } from '../../server/policy/evaluate.ts';
import { parsePolicy } from '../../server/policy/parse-policy.ts';
import { TagRoots } from '../../server/storage/tag-roots.ts';

/**
 * What a policy costs: one evaluation of a warm manifest under 200 rules, and a replay of a million recorded pulls.
 * Run with `node test/bench/policy-cost.ts`; goals are 20 µs and a few seconds.
 */
const ruleCount = 200;
const evaluations = 200_000;
const rowCount = 1_000_000;
const repositoryCount = 2000;
const tagsEach = 10;
const dayMs = 86_400_000;

const kinds = [
  (index: number) => `artifacts: ["*/team-${String(index)}/**:latest"], then: deny`,
  (index: number) => `artifacts: ["ghcr.io/blocked-${String(index)}/*"], then: deny`,
  (index: number) => `artifacts: ["**/zhi-*-old-${String(index)}:v1.*"], then: deny, mode: dry-run`,
  (index: number) =>
    `artifacts: ["docker.io/**"], except: ["docker.io/library/**"], users: ["ci-${String(index)}-*"], then: deny`,
] as const;

/** Each is about every name, and has to look at the tag. */
const aboutAll = [(index: number) => `artifacts: ["**:old-${String(index)}.*"], then: deny`] as const;

function policyText(of: readonly ((index: number) => string)[]): string {
  const rules = Array.from({ length: ruleCount }, (_, index) => {
    return `  - { name: rule-${String(index)}, ${of[index % of.length]?.(index) ?? ''} }`;
  });
  return `rules:\n${rules.join('\n')}\n`;
}

function measureEvaluation(what: string, text: string): void {
  const { rules, problems } = parsePolicy('policy.yaml', text);
  if (problems.length > 0) throw new Error(problems.join('\n'));
  const subjects = Array.from({ length: 500 }, (_, index) => ({
    action: 'pull' as const,
    repository: `ghcr.io/acme/app-${String(index)}`,
    upstream: 'ghcr.io',
    tag: `v1.${String(index % 7)}`,
    digest: `sha256:${'a'.repeat(64)}`,
    knownTags: [],
    user: undefined,
  }));
  const run = (count: number): number => {
    const startedAt = systemClock.monotonic();
    for (let index = 0; index < count; index += 1) {
      const subject = subjects[index % subjects.length];
      if (subject !== undefined) evaluate(rules, subject, { now: 0 });
    }
    return ((systemClock.monotonic() - startedAt) * 1000) / count;
  };
  const coldUs = run(subjects.length);
  const warmUs = run(evaluations);
  process.stdout.write(
    `${String(rules.length)} rules, ${what}: ${warmUs.toFixed(2)} µs for a name asked about before, ${coldUs.toFixed(1)} µs for a new one\n`,
  );
}

function fill(db: Database, now: number): void {
  const text = db.prepare('INSERT INTO audit_texts (text) VALUES (?)');
  const names = Array.from({ length: repositoryCount * tagsEach }, (_, index) =>
    Number(
      text.run(`ghcr.io/acme/app-${String(Math.floor(index / tagsEach))}:v1.${String(index % tagsEach)}`)
        .lastInsertRowid,
    ),
  );
  const digests = names.map((_, index) =>
    Number(text.run(`sha256:${index.toString(16).padStart(64, '0')}`).lastInsertRowid),
  );
  const client = Number(text.run('10.0.0.1').lastInsertRowid);
  const upstream = Number(text.run('ghcr.io').lastInsertRowid);
  const insert = db.prepare(
    `INSERT INTO audit (at, event, artifact, client, digest, cached, outcome, request_id, upstream)
     VALUES (?, ?, ?, ?, ?, 1, 'hit', '', ?)`,
  );
  inTransaction(db, () => {
    for (let row = 0; row < rowCount; row += 1) {
      const index = row % names.length;
      const at = Math.floor(now - 30 * dayMs + (row / rowCount) * 30 * dayMs);
      insert.run(at, row % 3 === 0 ? 'artifact_pull' : 'blob_pull', names[index], client, digests[index], upstream);
    }
  });
}

async function measureReplay(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'zhi-policy-'));
  const db = openDatabase(join(directory, 'mirror.db'));
  try {
    const now = systemClock.now();
    fill(db, now);
    const { rules } = parsePolicy('policy.yaml', policyText(kinds));
    const gate = new PolicyGate({
      policy: { isEmpty: false, isPerUser: true, decide: (subject, facts) => evaluate(rules, subject, facts) },
      roots: new TagRoots(db),
      facts: {
        signature: () => Promise.resolve({ state: 'unsigned', detail: '' }),
        carriesSignature: () => Promise.resolve({ state: 'unsigned', detail: '' }),
        marketplace: () => Promise.resolve({ state: 'unknown', detail: '' }),
      },
      clock: systemClock,
    });
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const report = await replayPolicy(
      {
        db,
        clock: systemClock,
        gate,
        targetOf: (name, upstream) => ({ name, upstream, upstreamRepository: undefined }),
        digestOf: () => undefined,
      },
      rules,
      { since: now - 31 * dayMs, signal: new AbortController().signal },
    );
    delay.disable();
    process.stdout.write(
      `${String(rowCount)} rows, ${String(report.pulls)} pulls of ${String(report.distinct)} kinds: replayed in ${String(report.durationMs)} ms; the event loop waited at most ${(delay.max / 1e6).toFixed(0)} ms\n`,
    );
  } finally {
    db.close();
    rmSync(directory, { recursive: true });
  }
}

measureEvaluation('most about other names', policyText(kinds));
measureEvaluation('all about every name', policyText(aboutAll));
await measureReplay();
