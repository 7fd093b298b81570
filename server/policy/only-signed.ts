import { evaluate } from './evaluate.ts';
import type { CompiledRule } from './evaluate.ts';
import type { PolicyStore } from './policy-store.ts';

/** What a gate asks of a policy. */
type Asked = Pick<PolicyStore, 'isEmpty' | 'isPerUser' | 'decide'>;

/**
 * The policy with one rule before its own: of these upstreams only what carries a signature is delivered, as a zot
 * configuration's `onlySigned` wants it. `upstreams` is asked each time, since a person may change them. PURE but for that.
 */
export function withOnlySigned(policy: Asked, upstreams: () => ReadonlySet<string>): Asked {
  const rule: CompiledRule = {
    name: 'onlySigned',
    mode: 'enforce',
    decide: ({ upstream }, _, { carriesSignature }) => {
      if (upstream === undefined || !upstreams().has(upstream)) return { effect: 'pass' };
      if (carriesSignature === undefined) return { effect: 'need', fact: 'carriesSignature' };
      if (carriesSignature.state === 'signed') return { effect: 'pass' };
      return { effect: 'deny', reason: `only signed content of ${upstream} is delivered: ${carriesSignature.detail}` };
    },
  };
  const first = [rule];
  return {
    get isEmpty() {
      return policy.isEmpty && upstreams().size === 0;
    },
    get isPerUser() {
      return policy.isPerUser;
    },
    decide: (subject, facts) => {
      const own = evaluate(first, subject, facts);
      if (own.effect === 'deny' && own.needs.length === 0) return own;
      const decision = policy.decide(subject, facts);
      const isDenied = decision.effect === 'deny' && decision.needs.length === 0;
      if (isDenied || own.needs.length === 0) return decision;
      const needs = [...own.needs, ...decision.needs];
      return { ...decision, effect: 'deny', rule: undefined, reason: `not known yet: ${needs.join(', ')}`, needs };
    },
  };
}
