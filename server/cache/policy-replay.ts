import { setImmediate as nextTurn } from 'node:timers/promises';
import { recordedPulls } from '../audit/recorded-pulls.ts';
import type { RecordedPull } from '../audit/recorded-pulls.ts';
import type { Database } from '../db/database.ts';
import type { Clock } from '../lib/clock.ts';
import { parseDigest } from '../oci/digest.ts';
import type { Digest } from '../oci/digest.ts';
import { parseArtifactName } from '../oci/reference.ts';
import { evaluate, needWords } from '../policy/evaluate.ts';
import type { CompiledRule, Decision } from '../policy/evaluate.ts';
import type { PolicyGate } from './policy-gate.ts';
import type { Target } from './targets.ts';

/** Work between two turns of others. */
const sliceMs = 8;
/** Names handed out. */
const mostItems = 1000;
const undecidedRule = '(not known)';

export interface ReplayParts {
  readonly db: Database;
  readonly clock: Clock;
  readonly gate: PolicyGate;
  /** Where a repository of the store leads. */
  readonly targetOf: (repository: string, upstream: string | undefined) => Target;
  /** The digest a tag of a repository points at now. */
  readonly digestOf: (repository: string, tag: string) => Digest | undefined;
}

/** Recorded pulls that a policy would refuse. */
export interface ReplayItem {
  readonly artifact: string;
  readonly digest: string | undefined;
  readonly user: string | undefined;
  readonly rule: string;
  readonly reason: string;
  /** `dry-run`: it would only be noted. */
  readonly mode: 'dry-run' | 'enforce';
  readonly pulls: number;
  readonly lastAt: number;
}

export interface ReplayReport {
  /** Recorded manifest pulls that were looked at. */
  readonly pulls: number;
  /** Distinct artifact, digest and user among them. */
  readonly distinct: number;
  readonly allowed: number;
  readonly denied: number;
  /** Pulls that were denied then and would be allowed now. */
  readonly nowAllowed: number;
  readonly rules: readonly {
    readonly rule: string;
    readonly mode: 'dry-run' | 'enforce';
    readonly pulls: number;
    readonly names: number;
  }[];
  /** Newest first, at most 1000. */
  readonly items: readonly ReplayItem[];
  readonly itemsTotal: number;
  readonly durationMs: number;
}

/**
 * What rules would have done with the recorded pulls since a time (milliseconds since the epoch). Each artifact, digest and
 * user is decided once, with what is known of the content now: a tag that was seen since counts too. Works in slices.
 */
export async function replayPolicy(
  parts: ReplayParts,
  rules: readonly CompiledRule[],
  options: { readonly since: number; readonly signal: AbortSignal },
): Promise<ReplayReport> {
  const { clock } = parts;
  const startedAt = clock.monotonic();
  const recorded = await recordedPulls(parts.db, options.since, options.signal);
  const gate = parts.gate.under(
    {
      isEmpty: rules.length === 0,
      isPerUser: true,
      decide: (subject, facts) => evaluate(rules, subject, facts),
    },
    'nobody',
  );
  const tally = new Tally();
  let turnAt = clock.monotonic();
  for (const pull of recorded) {
    tally.add(pull, await decide(parts, gate, pull));
    if (clock.monotonic() - turnAt < sliceMs) continue;
    options.signal.throwIfAborted();
    await nextTurn();
    turnAt = clock.monotonic();
  }
  return { ...tally.report(), distinct: recorded.length, durationMs: Math.round(clock.monotonic() - startedAt) };
}

async function decide(parts: ReplayParts, gate: PolicyGate, pull: RecordedPull): Promise<Decision | undefined> {
  let name;
  try {
    name = parseArtifactName(pull.artifact);
  } catch {
    // a name that was refused as no name; no rule is about it
    return undefined;
  }
  const { repository, reference } = name;
  const target = parts.targetOf(repository, pull.upstream);
  const request = { action: 'pull', target, user: pull.user } as const;
  const tag = reference.kind === 'tag' ? reference.tag : undefined;
  const byName = gate.decideName(request, tag);
  const digest =
    pull.digest !== undefined
      ? parseDigest(pull.digest)
      : reference.kind === 'digest'
        ? reference.digest
        : parts.digestOf(target.name, reference.tag);
  if (digest === undefined || (byName.effect === 'deny' && byName.needs.length === 0)) return byName;
  return gate.decideManifest(request, reference, digest);
}

class Tally {
  readonly #rules = new Map<string, { rule: string; mode: 'dry-run' | 'enforce'; pulls: number; names: number }>();
  readonly #items: ReplayItem[] = [];
  #itemsTotal = 0;
  #pulls = 0;
  #denied = 0;
  #nowAllowed = 0;

  add(pull: RecordedPull, decision: Decision | undefined): void {
    if (decision === undefined) return;
    this.#pulls += pull.pulls;
    if (decision.effect === 'deny') {
      this.#denied += pull.pulls;
      const reason =
        decision.needs.length === 0
          ? decision.reason
          : `it is not held any more, and ${decision.needs.map((need) => needWords[need]).join(' and ')} is not known`;
      this.#note(pull, { rule: decision.rule ?? undecidedRule, reason, mode: 'enforce' });
    } else this.#nowAllowed += pull.denied;
    for (const { rule, reason } of decision.wouldDeny) this.#note(pull, { rule, reason, mode: 'dry-run' });
  }

  report(): Omit<ReplayReport, 'distinct' | 'durationMs'> {
    return {
      pulls: this.#pulls,
      allowed: this.#pulls - this.#denied,
      denied: this.#denied,
      nowAllowed: this.#nowAllowed,
      rules: [...this.#rules.values()].sort((one, other) => other.pulls - one.pulls),
      items: this.#items,
      itemsTotal: this.#itemsTotal,
    };
  }

  #note(pull: RecordedPull, word: Pick<ReplayItem, 'rule' | 'reason' | 'mode'>): void {
    const key = `${word.mode} ${word.rule}`;
    const sum = this.#rules.get(key) ?? { rule: word.rule, mode: word.mode, pulls: 0, names: 0 };
    sum.pulls += pull.pulls;
    sum.names += 1;
    this.#rules.set(key, sum);
    this.#itemsTotal += 1;
    if (this.#items.length >= mostItems) return;
    const { artifact, digest, user, pulls, lastAt } = pull;
    this.#items.push({ artifact, digest, user, ...word, pulls, lastAt });
  }
}
