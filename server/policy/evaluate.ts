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
  /** Whether there is any signature, by whomever; undefined: not looked up. */
  readonly carriesSignature?: PresenceFact;
  readonly marketplace?: MarketplaceFact;
}

/** Whether an artifact carries a signature at all, unproved. */
export interface PresenceFact {
  readonly state: 'signed' | 'unsigned' | 'failed';
  /** What was looked for, or why it could not be. */
  readonly detail: string;
}

/** Exactly one of these is said of a signature, everywhere. */
export type SignatureFact =
  | {
      readonly state: 'verified';
      /** Who signed and by which key. */
      readonly detail: string;
      /** At least one. */
      readonly by: readonly ProvedSignature[];
    }
  | {
      readonly state: 'unsigned' | 'failed' | 'not-checked';
      /** What was looked for, or why it failed or was not checked. */
      readonly detail: string;
    };

/** One signature that was proved, and by whom; a rule decides whether they are wanted. */
export interface ProvedSignature {
  readonly signers: readonly ProvedSigner[];
  readonly annotations: Readonly<Record<string, string>>;
}

/** A key by its name in the policy, somebody without a key, or a certificate by the store it leads to. */
export type ProvedSigner =
  | { readonly kind: 'key'; readonly name: string }
  | { readonly kind: 'identity'; readonly subject: string; readonly issuer: string }
  | { readonly kind: 'certificate'; readonly store: string; readonly subject: string };

/** What the marketplace says of a plugin. */
export interface MarketplaceFact {
  readonly state: 'verified' | 'unverified' | 'unknown';
  readonly detail: string;
}

/** A fact that a decision waits for. */
export type FactName = 'firstSeenAt' | 'signature' | 'carriesSignature' | 'marketplace';

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
  /** False for a name and tags that the rule is never about, whatever the digest; absent: it may be about any. */
  readonly mayConcern?: (repository: string, tags: readonly string[]) => boolean;
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
  for (const rule of concerning(rules, subject.repository, tags)) {
    const outcome = rule.decide(subject, tags, facts);
    if (outcome.effect === 'need' && !needs.includes(outcome.fact)) needs.push(outcome.fact);
    if (rule.mode === 'dry-run') {
      if (outcome.effect === 'deny') wouldDeny.push({ rule: rule.name, reason: outcome.reason });
    } else if (outcome.effect === 'deny') {
      return { effect: 'deny', rule: rule.name, reason: outcome.reason, needs: [], wouldDeny };
    } else if (endsAsking(outcome)) {
      // one that waits for a fact before it may still deny
      if (needs.length > 0) break;
      return { effect: 'allow', rule: rule.name, reason: `rule ${rule.name} allows it`, needs, wouldDeny };
    }
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
  return rules.map((rule) => {
    const { name, mode } = rule;
    if (isDecided) return { rule: name, mode, said: 'skipped', reason: undefined };
    const outcome = rule.decide(subject, tags, facts);
    isDecided = mode === 'enforce' && (outcome.effect === 'deny' || endsAsking(outcome));
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
  carriesSignature: 'whether it carries a signature',
  marketplace: 'what the marketplace says',
  reference: 'the tag or digest',
};

/** Whether no rule after it is asked, although it does not deny. */
function endsAsking(outcome: RuleOutcome): boolean {
  return outcome.effect === 'allow' || (outcome.effect === 'need' && outcome.isLast === true);
}

/** With fewer rules, asking all costs less than looking up whom to ask. */
const fewRules = 8;
/** Names, and names with their tags, whose rules are remembered per policy. */
const rememberedNames = 4096;

interface Remembered {
  readonly byName: Map<string, readonly CompiledRule[]>;
  readonly byTags: Map<string, readonly CompiledRule[]>;
}

const remembered = new WeakMap<readonly CompiledRule[], Remembered>();

/** Those of the rules that may be about a name with tags: names repeat, and of 200 rules most are about others. */
function concerning(
  rules: readonly CompiledRule[],
  repository: string,
  tags: readonly string[],
): readonly CompiledRule[] {
  if (rules.length < fewRules) return rules;
  let known = remembered.get(rules);
  if (known === undefined) remembered.set(rules, (known = { byName: new Map(), byTags: new Map() }));
  const { byName, byTags } = known;
  const ofName = (): readonly CompiledRule[] => recall(byName, repository, () => choose(rules, repository, []));
  if (tags.length === 0) return ofName();
  // neither names nor tags have blanks
  return recall(byTags, `${repository} ${tags.join(' ')}`, () => choose(ofName(), repository, tags));
}

function choose(rules: readonly CompiledRule[], repository: string, tags: readonly string[]): readonly CompiledRule[] {
  return rules.filter((rule) => rule.mayConcern?.(repository, tags) !== false);
}

function recall<T>(known: Map<string, T>, key: string, find: () => T): T {
  const before = known.get(key);
  if (before !== undefined) return before;
  // clients choose the names, so what is remembered is bounded
  if (known.size >= rememberedNames) known.clear();
  const found = find();
  known.set(key, found);
  return found;
}

function tagsOf({ tag, knownTags }: PolicySubject): readonly string[] {
  return tag === undefined ? knownTags : [tag, ...knownTags];
}
