import type { PolicyAction } from './schema.ts';

/** What somebody wants; the client controls all of it but the tags. */
export interface PolicySubject {
  readonly action: PolicyAction;
  /** Name in the store: `ghcr.io/acme/app`, or `team/app` for pushed content. */
  readonly repository: string;
  /** Host of the upstream the name begins with; undefined for pushed content. */
  readonly upstream: string | undefined;
  /** What was asked for, when it was a tag. */
  readonly tag: string | undefined;
  /** The digest, once it is known. */
  readonly digest: string | undefined;
  /** What is asked for inside of it: an image of an index, or a blob. */
  readonly part?: string | undefined;
  /** Tags of this repository that are known to point, or to have pointed, at the digest. */
  readonly knownTags: readonly string[];
  readonly user: string | undefined;
}

/** What is known of an artifact; a member that is absent has not been looked up. */
export interface PolicyFacts {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** When this digest was first seen here, milliseconds since the epoch; null: never. */
  readonly firstSeenAt?: number | null;
  readonly signature?: SignatureFact;
  readonly marketplace?: MarketplaceFact;
}

/** Exactly one of these is said of a signature, everywhere. */
export interface SignatureFact {
  readonly state: 'verified' | 'unsigned' | 'failed';
  /** Who signed and by which key, or why it failed. */
  readonly detail: string;
}

/** What the marketplace says of a plugin. */
export interface MarketplaceFact {
  readonly state: 'verified' | 'unverified' | 'unknown';
  readonly detail: string;
}

/** A fact that a decision waits for. */
export type FactName = 'firstSeenAt' | 'signature' | 'marketplace';

/** `reference`: the name alone is asked about, and the rule is about some of its tags or digests only. */
export type Need = FactName | 'reference';

/** What one rule says of a subject. */
export type RuleOutcome =
  | { readonly effect: 'pass' }
  | { readonly effect: 'allow' }
  | { readonly effect: 'deny'; readonly reason: string }
  /** `isLast`: whatever the fact turns out to be, this rule then allows or denies, and no later one is asked. */
  | { readonly effect: 'need'; readonly fact: Need; readonly isLast?: boolean };

/** A rule, compiled. PURE: it is asked with all it may look at. */
export interface CompiledRule {
  readonly name: string;
  readonly mode: 'dry-run' | 'enforce';
  decide(subject: PolicySubject, tags: readonly string[], facts: PolicyFacts): RuleOutcome;
}

/** Who decided what and why. */
export interface Decision {
  readonly effect: 'allow' | 'deny';
  /** The rule that decided; undefined when none did, which allows. */
  readonly rule: string | undefined;
  /** One clause for a person. */
  readonly reason: string;
  /** Facts without which nothing is allowed; the caller looks them up and asks again. */
  readonly needs: readonly Need[];
  /** What rules in dry-run would have refused. */
  readonly wouldDeny: readonly { readonly rule: string; readonly reason: string }[];
}

const noRule: Decision = {
  effect: 'allow',
  rule: undefined,
  reason: 'no rule is against it',
  needs: [],
  wouldDeny: [],
};

/**
 * Decides by the first rule that does. A rule whose fact is not known yet refuses meanwhile and names it in `needs`; the
 * rules after it are asked all the same, unless it will decide itself, so that one look-up is enough and a plain denial
 * comes first. PURE.
 */
export function evaluate(rules: readonly CompiledRule[], subject: PolicySubject, facts: PolicyFacts): Decision {
  const tags = tagsOf(subject);
  const needs: Need[] = [];
  const wouldDeny: { rule: string; reason: string }[] = [];
  for (const rule of rules) {
    const outcome = rule.decide(subject, tags, facts);
    if (outcome.effect === 'pass') continue;
    if (outcome.effect === 'need') {
      if (!needs.includes(outcome.fact)) needs.push(outcome.fact);
      if (outcome.isLast === true && rule.mode === 'enforce') break;
    } else if (rule.mode === 'dry-run') {
      if (outcome.effect === 'deny') wouldDeny.push({ rule: rule.name, reason: outcome.reason });
    } else if (outcome.effect === 'deny') {
      return { effect: 'deny', rule: rule.name, reason: outcome.reason, needs: [], wouldDeny };
    } else if (needs.length === 0) {
      return { effect: 'allow', rule: rule.name, reason: `rule ${rule.name} allows it`, needs, wouldDeny };
    } else break;
  }
  if (needs.length > 0)
    return { effect: 'deny', rule: undefined, reason: `not known yet: ${needs.join(', ')}`, needs, wouldDeny };
  return wouldDeny.length === 0 ? noRule : { ...noRule, wouldDeny };
}

/** What one rule said when it was asked about a subject. */
export interface RuleWord {
  readonly rule: string;
  readonly mode: 'dry-run' | 'enforce';
  /** `skipped`: a rule before it had decided. */
  readonly said: RuleOutcome['effect'] | 'skipped';
  /** Why it denies, or which fact it waits for. */
  readonly reason: string | undefined;
}

/** Every rule with what it says, in order: the same walk as {@link evaluate}, told. PURE. */
export function explain(rules: readonly CompiledRule[], subject: PolicySubject, facts: PolicyFacts): RuleWord[] {
  const tags = tagsOf(subject);
  let isDecided = false;
  return rules.map(({ name, mode, decide }) => {
    if (isDecided) return { rule: name, mode, said: 'skipped', reason: undefined };
    const outcome = decide(subject, tags, facts);
    isDecided =
      mode === 'enforce' &&
      (outcome.effect === 'deny' ||
        outcome.effect === 'allow' ||
        (outcome.effect === 'need' && outcome.isLast === true));
    const reason =
      outcome.effect === 'deny'
        ? outcome.reason
        : outcome.effect === 'need'
          ? `it depends on ${needWords[outcome.fact]}`
          : undefined;
    return { rule: name, mode, said: outcome.effect, reason };
  });
}

/** What a decision waits for, for a person. */
export const needWords: Readonly<Record<Need, string>> = {
  firstSeenAt: 'when the digest was first seen here',
  signature: 'its signature',
  marketplace: 'what the marketplace says',
  reference: 'the tag or digest',
};

function tagsOf({ tag, knownTags }: PolicySubject): readonly string[] {
  return tag === undefined ? knownTags : [tag, ...knownTags];
}
