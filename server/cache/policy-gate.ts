import { RequestError } from '../errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { Digest } from '../oci/digest.ts';
import type { Reference } from '../oci/reference.ts';
import type { Decision, Need, PolicyFacts, PolicySubject } from '../policy/evaluate.ts';
import type { PolicyStore } from '../policy/policy-store.ts';
import type { PolicyAction } from '../policy/schema.ts';
import type { TagRoots } from '../storage/tag-roots.ts';

/** Looks up what a decision waits for; a source that can't tell says so in its detail, and nothing is allowed by that. */
export interface FactSources {
  signature(target: GateRequest['target'], digest: string): Promise<NonNullable<PolicyFacts['signature']>>;
  carriesSignature(
    target: GateRequest['target'],
    digest: string,
  ): Promise<NonNullable<PolicyFacts['carriesSignature']>>;
  marketplace(repository: string): Promise<NonNullable<PolicyFacts['marketplace']>>;
}

export interface PolicyGateParts {
  readonly policy: Pick<PolicyStore, 'isEmpty' | 'isPerUser' | 'decide'>;
  readonly roots: TagRoots;
  readonly facts: FactSources;
  /** The same, as far as what is held tells them; absent: these ask no upstream either. */
  readonly heldFacts?: FactSources;
  readonly clock: Clock;
}

/** Whose content somebody wants to do what with. The client controls all of it but the upstream. */
export interface GateRequest {
  readonly action: PolicyAction;
  /** Name in the store, and where it leads: a content rule may give another name than the upstream's. */
  readonly target: {
    readonly name: string;
    readonly upstream: string | undefined;
    readonly upstreamRepository?: string | undefined;
  };
  readonly user: string | undefined;
}

/**
 * Where the policy meets what is asked for. Content is asked about by the tags that lead to it: what is denied by each of its
 * tags is denied by digest too, with all its parts; what one tag may deliver may be had by digest, since clients that pull a
 * tag ask by digest for the rest.
 */
export class PolicyGate {
  readonly #parts: PolicyGateParts;

  constructor(parts: PolicyGateParts) {
    this.#parts = parts;
  }

  /** The same content and facts under another policy; `nobody`: no upstream is asked for facts. */
  under(policy: PolicyGateParts['policy'], asks: 'upstreams' | 'nobody' = 'upstreams'): PolicyGate {
    const { facts, heldFacts = facts } = this.#parts;
    return new PolicyGate({ ...this.#parts, policy, facts: asks === 'nobody' ? heldFacts : facts });
  }

  /** Whether an answer for one may not be given to another. */
  get isPerUser(): boolean {
    return this.#parts.policy.isPerUser;
  }

  /** What the name and the tag alone decide, before anything is fetched; `needs` tells that there is more to ask later. PURE but for the clock. */
  decideName(request: GateRequest, tag?: string): Decision {
    return this.#decide(request, { tag });
  }

  /**
   * Refuses what the name and the tag alone forbid.
   * @throws RequestError (DENIED) with the rule and the reason
   */
  assertName(request: GateRequest, tag?: string): void {
    if (this.#parts.policy.isEmpty) return;
    const decision = this.decideName(request, tag);
    if (isForbidden(decision)) throw denied(request, tag, decision);
  }

  /** Those of a repository's tags that are not forbidden by name, in the same order. */
  pullable(request: GateRequest, tags: readonly string[]): readonly string[] {
    if (this.#parts.policy.isEmpty) return tags;
    return tags.filter((tag) => !isForbidden(this.decideName(request, tag)));
  }

  /** Whether the name alone is forbidden, whatever the tag. */
  isHidden(request: GateRequest): boolean {
    return !this.#parts.policy.isEmpty && isForbidden(this.decideName(request));
  }

  /** Decides about a manifest whose digest is known, with every fact looked up. */
  async decideManifest(request: GateRequest, reference: Reference, digest: Digest): Promise<Decision> {
    if (reference.kind === 'tag') return this.#decideWithFacts(request, { tag: reference.tag, digest });
    return this.#decideByRoots(request, digest);
  }

  /**
   * Refuses a manifest whose digest is known; resolves with what rules in dry-run would have done, for the record.
   * @throws RequestError (DENIED) with the rule and the reason
   */
  async assertManifest(request: GateRequest, reference: Reference, digest: Digest): Promise<string | undefined> {
    if (this.#parts.policy.isEmpty) return undefined;
    const decision = await this.decideManifest(request, reference, digest);
    if (decision.effect === 'deny') throw denied(request, reference.kind === 'tag' ? reference.tag : digest, decision);
    const [first] = decision.wouldDeny;
    return first === undefined ? undefined : `dry run: ${first.reason} (policy rule ${first.rule})`;
  }

  /**
   * Refuses a blob that only forbidden manifests of the repository have.
   * @throws RequestError (DENIED) with the rule and the reason
   */
  async assertBlob(request: GateRequest, digest: Digest): Promise<void> {
    if (this.#parts.policy.isEmpty) return;
    this.assertName(request);
    const decision = await this.#decideByRoots(request, digest);
    if (decision.effect === 'deny') throw denied(request, digest, decision);
  }

  /** Whether a blob may be mounted from a repository; from an unnamed one never while there is a policy. */
  async mayMount(request: GateRequest | undefined, digest: Digest): Promise<boolean> {
    if (this.#parts.policy.isEmpty) return true;
    if (request === undefined || this.isHidden(request)) return false;
    return (await this.#decideByRoots(request, digest)).effect === 'allow';
  }

  async #decideByRoots(request: GateRequest, digest: Digest): Promise<Decision> {
    const roots = this.#parts.roots.of(request.target.name, digest);
    let first: Decision | undefined;
    for (const root of roots) {
      const knownTags = root.tag === undefined ? [] : [root.tag];
      const decision = await this.#decideWithFacts(request, { digest: root.digest, knownTags, part: digest });
      if (decision.effect === 'allow') return decision;
      first ??= decision;
    }
    return first ?? this.#decideUnknown(request, digest);
  }

  /**
   * What belongs to no manifest that is held: of an upstream nothing is known that a rule could be satisfied with; in a
   * repository of our own it was just uploaded, and its manifest will be asked about.
   */
  async #decideUnknown(request: GateRequest, digest: Digest): Promise<Decision> {
    const decision = this.#decide(request, { digest });
    if (decision.needs.length === 0) return decision;
    if (request.target.upstream === undefined) return { ...decision, effect: 'allow', needs: [] };
    return this.#decideWithFacts(request, { digest });
  }

  /** Each round makes at least one fact known, so it ends. */
  async #decideWithFacts(request: GateRequest, about: About & { readonly digest: string }): Promise<Decision> {
    let facts: PolicyFacts = { now: this.#parts.clock.now() };
    for (;;) {
      const decision = this.#decide(request, about, facts);
      if (decision.needs.length === 0) return decision;
      for (const name of decision.needs)
        facts = { ...facts, ...(await this.#lookUp(name, request.target, about.digest)) };
    }
  }

  async #lookUp(name: Need, target: GateRequest['target'], digest: string): Promise<Partial<PolicyFacts>> {
    const { facts, roots } = this.#parts;
    if (name === 'reference') throw new Error('a rule asks for a reference although there is a digest');
    if (name === 'firstSeenAt') return { firstSeenAt: roots.firstSeenAt(target.name, digest) };
    if (name === 'signature') return { signature: await facts.signature(target, digest) };
    if (name === 'carriesSignature') return { carriesSignature: await facts.carriesSignature(target, digest) };
    return { marketplace: await facts.marketplace(target.name) };
  }

  #decide(
    { action, target, user }: GateRequest,
    about: About,
    facts: PolicyFacts = { now: this.#parts.clock.now() },
  ): Decision {
    const { tag, digest, part, knownTags = [] } = about;
    const { upstream } = target;
    const subject = { action, repository: nameForRules(target), upstream, tag, digest, part, knownTags, user };
    return this.#parts.policy.decide(subject, facts);
  }
}

/** What of a repository is asked about. */
type About = Partial<Pick<PolicySubject, 'tag' | 'digest' | 'part' | 'knownTags'>>;

/**
 * Rules are about the upstream's own name: a content rule that gives a repository another one must not lead around them.
 * PURE.
 */
export function nameForRules({ name, upstream, upstreamRepository }: GateRequest['target']): string {
  return upstream === undefined || upstreamRepository === undefined ? name : `${upstream}/${upstreamRepository}`;
}

/** What is not known before the content is, is asked when it is. */
function isForbidden({ effect, needs }: Decision): boolean {
  return effect === 'deny' && needs.length === 0;
}

/** The sentence a registry client prints, and the same for programs. */
function denied({ target }: GateRequest, reference: string | undefined, decision: Decision): RequestError {
  const rule = decision.rule ?? 'policy';
  return new RequestError('DENIED', `${decision.reason} (policy rule ${rule})`, {
    value: reference === undefined ? target.name : `${target.name} ${reference}`,
    detail: { rule, reason: decision.reason },
  });
}
