import type { Digest } from '../oci/digest.ts';
import type { Reference } from '../oci/reference.ts';
import { evaluate, explain } from '../policy/evaluate.ts';
import type { CompiledRule, Decision, PolicyFacts, PolicySubject, RuleWord } from '../policy/evaluate.ts';
import type { GateRequest, PolicyGate } from './policy-gate.ts';

interface Asked {
  readonly subject: PolicySubject;
  readonly facts: PolicyFacts;
}

/** A decision and how it came about. */
export interface Trial {
  readonly decision: Decision;
  /** By which tags it was decided. */
  readonly tags: readonly string[];
  /** The digest it was decided about, once there is one. */
  readonly digest: string | undefined;
  /** What the rules were asked about: the upstream's name of the repository. */
  readonly repository: string;
  readonly facts: PolicyFacts | undefined;
  readonly rules: readonly RuleWord[];
}

/**
 * What rules that need not hold would decide about a reference, with the content and the facts the gate has. Nothing is
 * fetched to find out a digest: without one, only the name and the tag are asked about.
 */
export async function tryReference(
  gate: PolicyGate,
  rules: readonly CompiledRule[],
  asked: { readonly request: GateRequest; readonly reference: Reference; readonly digest: Digest | undefined },
): Promise<Trial> {
  const { request, reference, digest } = asked;
  const policy = new ListeningPolicy(rules);
  const trial = gate.under(policy);
  const tag = reference.kind === 'tag' ? reference.tag : undefined;
  const byName = trial.decideName(request, tag);
  const isForbidden = byName.effect === 'deny' && byName.needs.length === 0;
  const decision =
    digest === undefined || isForbidden ? byName : await trial.decideManifest(request, reference, digest);
  const { subject, facts } = policy.askedFor(decision);
  return {
    decision,
    tags: subject.tag === undefined ? subject.knownTags : [subject.tag],
    digest: subject.digest,
    repository: subject.repository,
    facts,
    rules: explain(rules, subject, facts),
  };
}

/** Remembers what each decision was about. */
class ListeningPolicy {
  readonly isEmpty = false;
  readonly isPerUser = true;
  readonly #rules: readonly CompiledRule[];
  readonly #asked = new Map<Decision, Asked>();
  #last: Asked | undefined;

  constructor(rules: readonly CompiledRule[]) {
    this.#rules = rules;
  }

  decide(subject: PolicySubject, facts: PolicyFacts): Decision {
    const decision = evaluate(this.#rules, subject, facts);
    this.#last = { subject, facts };
    this.#asked.set(decision, this.#last);
    return decision;
  }

  askedFor(decision: Decision): Asked {
    const asked = this.#asked.get(decision) ?? this.#last;
    if (asked === undefined) throw new Error('a policy decided without being asked');
    return asked;
  }
}
