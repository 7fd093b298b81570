import { z } from 'zod';

/**
 * Routes of the Policies page and of `zhi-mirror policy`. Times are milliseconds since the epoch.
 */

const mode = z.enum(['off', 'dry-run', 'enforce']);

const remark = z.object({
  line: z.number().optional().describe('From 1; absent when it is about no place of the text.'),
  column: z.number().optional(),
  message: z.string().describe('One sentence.'),
});

export const policyRuleWords = z.object({
  name: z.string(),
  mode,
  sentence: z.string().describe('What it does and about what, for a person.'),
});

export const policyView = z.object({
  source: z.enum(['file', 'window', 'none']),
  file: z.string().optional().describe('Path of the policy file; then the policy is changed there and not here.'),
  text: z.string().describe('As it was written, with its comments; what was last read, also when it was refused.'),
  version: z.string().describe('Of the policy that holds; "none" without one.'),
  rules: z.array(policyRuleWords).describe('Of the policy that holds, in the order in which they are asked.'),
  warnings: z.array(remark),
  problems: z.array(remark).describe('Why the last edit does not hold; the policy before it does.'),
});

export const policyLint = z.object({
  problems: z.array(remark).describe('Why it can not be used.'),
  warnings: z.array(remark).describe('What is allowed but hardly meant.'),
  rules: z.array(policyRuleWords).describe('What it says, in order; empty when there are problems.'),
});

const action = z.enum(['pull', 'push', 'sync', 'import', 'export']);
const factName = z.enum(['firstSeenAt', 'signature', 'carriesSignature', 'marketplace', 'reference']);

export const policyTest = z.object({
  reference: z.string().describe('As it was understood, without the mirror’s own address.'),
  mapping: z.object({
    rule: z.string(),
    explanation: z.string(),
    repository: z.string().optional().describe('Name in the store.'),
    upstream: z.string().optional(),
    upstreamRepository: z.string().optional(),
  }),
  asked: z.string().optional().describe('The name the rules were asked about.'),
  held: z.boolean(),
  digest: z.string().optional().describe('What it was decided about, when that is known.'),
  tags: z.array(z.string()).describe('By which tags it was decided.'),
  effect: z.enum(['allow', 'deny', 'unknown']).describe('unknown: it depends on what is known only once it is held.'),
  rule: z.string().optional(),
  reason: z.string(),
  needs: z.array(z.object({ fact: factName, what: z.string() })).describe('What the decision depends on.'),
  wouldDeny: z.array(z.object({ rule: z.string(), reason: z.string() })).describe('By rules in dry run.'),
  rules: z
    .array(
      z.object({
        rule: z.string(),
        mode: z.enum(['dry-run', 'enforce']),
        said: z
          .enum(['pass', 'allow', 'deny', 'need', 'skipped'])
          .describe('pass: it is not about this, or has nothing against it. skipped: a rule before it had decided.'),
        reason: z.string().optional(),
      }),
    )
    .describe('Every rule with what it said, in order.'),
});

export const policyReplay = z.object({
  since: z.number(),
  pulls: z.number().describe('Recorded manifest pulls.'),
  distinct: z.number().describe('Distinct artifact, digest and user among them; each is decided once.'),
  allowed: z.number(),
  denied: z.number(),
  nowAllowed: z.number().describe('Pulls that were denied and would be allowed.'),
  rules: z.array(
    z.object({
      rule: z.string(),
      mode: z.enum(['dry-run', 'enforce']),
      pulls: z.number().describe('Pulls it would deny.'),
      names: z.number(),
    }),
  ),
  items: z
    .array(
      z.object({
        artifact: z.string(),
        digest: z.string().optional(),
        user: z.string().optional(),
        rule: z.string(),
        reason: z.string(),
        mode: z.enum(['dry-run', 'enforce']),
        pulls: z.number(),
        lastAt: z.number(),
      }),
    )
    .describe('What would be denied, newest first; at most 1000.'),
  itemsTotal: z.number(),
  durationMs: z.number(),
});

const text = z.string().describe('A policy (YAML).');
const otherText = text.optional().describe('Another policy than the one that holds; nothing is saved.');

export const policyRoutes = {
  getPolicy: { method: 'GET', path: '/api/v1/policy', query: z.object({}), body: z.undefined(), response: policyView },
  setPolicy: {
    method: 'PUT',
    path: '/api/v1/policy',
    query: z.object({}),
    body: z.object({
      text,
      base: z.string().optional().describe('Version that was edited; refused when another one holds by now.'),
    }),
    response: policyView,
  },
  lintPolicy: {
    method: 'POST',
    path: '/api/v1/policy/lint',
    query: z.object({}),
    body: z.object({ text }),
    response: policyLint,
  },
  testPolicy: {
    method: 'POST',
    path: '/api/v1/policy/test',
    query: z.object({}),
    body: z.object({
      reference: z.string().min(1).describe("As a client writes it, perhaps with this mirror's host in front."),
      action: action.default('pull'),
      user: z.string().optional(),
      text: otherText,
    }),
    response: policyTest,
  },
  replayPolicy: {
    method: 'POST',
    path: '/api/v1/policy/replay',
    query: z.object({}),
    body: z.object({ text: otherText, days: z.number().int().min(1).max(3650).default(30) }),
    response: policyReplay,
  },
} as const;
