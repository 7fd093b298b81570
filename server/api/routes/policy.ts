import { replayPolicy } from '../../cache/policy-replay.ts';
import { tryReference } from '../../cache/policy-trial.ts';
import type { Trial } from '../../cache/policy-trial.ts';
import { ConfigError, RequestError } from '../../errors.ts';
import type { Digest } from '../../oci/digest.ts';
import { formatArtifactName, formatReference } from '../../oci/reference.ts';
import type { Reference } from '../../oci/reference.ts';
import type { CompiledRule } from '../../policy/evaluate.ts';
import { needWords } from '../../policy/evaluate.ts';
import { describePolicy } from '../../policy/policy-words.ts';
import { matchNamespace } from '../../registry/namespaces.ts';
import type { NamespaceMatch } from '../../registry/namespaces.ts';
import type { Admin, Call, Handlers } from '../call.ts';
import { recordChange } from '../change-record.ts';
import type { RouteResponse } from '../contract.ts';
import type { AdminParts } from '../parts.ts';
import { parsePasted } from '../pasted-reference.ts';

const dayMs = 86_400_000;

type PolicyHandlers = Pick<Handlers, 'getPolicy' | 'setPolicy' | 'lintPolicy' | 'testPolicy' | 'replayPolicy'>;

/** The policy: what it says, changing it, and what it would do before it is changed. */
export function policyRoutes({ parts }: Admin): PolicyHandlers {
  return {
    getPolicy: () => policyView(parts),

    setPolicy: ({ body: { text, base }, actor }) => {
      const { policy } = parts;
      const before = policy.version;
      if (base !== undefined && base !== before)
        throw new RequestError('CONFLICT', `another policy (${before}) was saved meanwhile; load it and edit that`, {
          value: base,
        });
      policy.replace(text);
      const rules = policy.rules.length;
      if (policy.version !== before)
        recordChange(parts, actor, {
          event: 'config_change',
          subject: 'policy',
          detail: `version ${policy.version} instead of ${before}, in the window: ${String(rules)} rule${rules === 1 ? '' : 's'}`,
        });
      return policyView(parts);
    },

    lintPolicy: ({ body: { text } }) => {
      const { document, problems, warnings } = parts.policy.read(text);
      return {
        problems: problems.map(remarkOf),
        warnings: warnings.map(remarkOf),
        rules: document === undefined ? [] : describePolicy(document),
      };
    },

    testPolicy: (call) => testPolicy(parts, call),

    replayPolicy: async ({ body: { text, days }, signal }) => {
      const since = parts.clock.now() - days * dayMs;
      const targetOf = (name: string, upstream: string | undefined) => {
        const { target } = matchNamespace(parts.namespaces, { repository: name });
        return target?.name === name ? target : { name, upstream, upstreamRepository: undefined };
      };
      const digestOf = (repository: string, tag: string): Digest | undefined => heldDigest(parts, repository, tag);
      const replay = { db: parts.db, clock: parts.clock, gate: parts.gate, targetOf, digestOf };
      const report = await replayPolicy(replay, rulesOf(parts, text), { since, signal });
      return { ...report, since, rules: [...report.rules], items: [...report.items] };
    },
  };
}

async function testPolicy(parts: AdminParts, call: Call<'testPolicy'>): Promise<RouteResponse<'testPolicy'>> {
  const { reference: written, action, user, text } = call.body;
  const rules = rulesOf(parts, text);
  const { repository, reference, mirrorHost } = parsePasted(written, parts.control.status().addresses);
  const match = matchNamespace(parts.namespaces, { repository });
  const { target } = match;
  const about = {
    reference: formatArtifactName(repository, formatReference(reference)),
    mapping: mappingOf(match, mirrorHost),
  };
  if (target === undefined)
    return {
      ...about,
      held: false,
      tags: [],
      effect: 'unknown',
      reason: 'it leads nowhere, so no rule is asked',
      needs: [],
      wouldDeny: [],
      rules: [],
    };
  const digest = knownDigest(parts, target.name, reference);
  const trial = await tryReference(parts.gate, rules, { request: { action, target, user }, reference, digest });
  return { ...about, held: parts.manifestCache.isHeld(target, reference), ...answerOf(trial) };
}

function answerOf(trial: Trial) {
  const { decision } = trial;
  const isUnknown = decision.effect === 'deny' && decision.needs.length > 0;
  return {
    asked: trial.repository,
    digest: trial.digest,
    tags: [...trial.tags],
    effect: isUnknown ? ('unknown' as const) : decision.effect,
    rule: decision.rule,
    reason: isUnknown
      ? `it depends on ${decision.needs.map((need) => needWords[need]).join(' and ')}, which is known once it is held`
      : decision.reason,
    needs: decision.needs.map((fact) => ({ fact, what: needWords[fact] })),
    wouldDeny: [...decision.wouldDeny],
    rules: [...trial.rules],
  };
}

function mappingOf({ rule, explanation, target }: NamespaceMatch, mirrorHost: string | undefined) {
  const stripped = mirrorHost === undefined ? '' : `${mirrorHost} is this mirror; `;
  return {
    rule,
    explanation: stripped + explanation,
    repository: target?.name,
    upstream: target?.upstream,
    upstreamRepository: target?.upstreamRepository,
  };
}

function knownDigest(parts: AdminParts, repository: string, reference: Reference): Digest | undefined {
  return reference.kind === 'digest' ? reference.digest : heldDigest(parts, repository, reference.tag);
}

function heldDigest({ repositories, tags }: AdminParts, name: string, tag: string): Digest | undefined {
  const repository = repositories.find(name);
  return repository === undefined ? undefined : tags.find(repository.id, tag)?.digest;
}

/** @throws ConfigError (CONFIG_INVALID) with every problem of the text */
function rulesOf({ policy }: AdminParts, text: string | undefined): readonly CompiledRule[] {
  if (text === undefined) return policy.rules;
  const { rules, problems } = policy.read(text);
  if (problems.length > 0) throw new ConfigError(problems);
  return rules;
}

function policyView({ policy }: AdminParts): RouteResponse<'getPolicy'> {
  const { source, file, text, version, warnings, problems } = policy.view();
  const { document } = policy;
  return {
    source,
    file,
    text,
    version,
    rules: document === undefined ? [] : describePolicy(document),
    warnings: warnings.map(remarkOf),
    problems: problems.map(remarkOf),
  };
}

/** `file:line:column: sentence` as its parts; a file's own path may have colons. PURE. */
function remarkOf(text: string): { line?: number; column?: number; message: string } {
  const found = /^.*?:(\d+):(\d+): (.*)$/s.exec(text);
  if (found === null) return { message: text };
  return { line: Number(found[1]), column: Number(found[2]), message: found[3] ?? '' };
}
