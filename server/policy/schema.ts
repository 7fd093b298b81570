import { z } from 'zod';
import { duration } from '../config/quantities.ts';
import { signatureRequirement, trustSection } from './trust-section.ts';

/** Kinds of zhi plugins: the second word of `zhi-<type>-<name>` (zhi-wire 3.6). */
export const pluginTypes = ['config', 'transform', 'store', 'ui'] as const;

/** What somebody wants to do with an artifact. */
export const policyActions = ['pull', 'push', 'sync', 'import', 'export'] as const;
export type PolicyAction = (typeof policyActions)[number];

/** `off`: as if it were not there. `dry-run`: what it would do is noted. `enforce`: it decides. */
export const ruleModes = ['off', 'dry-run', 'enforce'] as const;

const words = z.array(z.string().min(1));

/** One rule of a policy, as a person writes it. */
export const policyRule = z.strictObject({
  name: z
    .string()
    .regex(
      /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/,
      'is not a name such as "no-latest": small letters, digits and dashes',
    )
    .describe('What people are told when it decides.'),
  mode: z.enum(ruleModes).default('enforce').describe('off, dry-run or enforce.'),
  artifacts: words.min(1).default(['**']).describe('Patterns over registry/repository:tag the rule is about.'),
  except: words.default([]).describe('Patterns it is not about.'),
  actions: z
    .array(z.enum(policyActions))
    .min(1)
    .default([...policyActions])
    .describe('What it is about; all when absent.'),
  users: words.default([]).describe('Globs of users it is about; everybody when absent.'),
  require: z
    .strictObject({
      age: duration.optional().describe('The digest must be known here for this long.'),
      digest: z.boolean().optional().describe('It must be asked for by digest, never by tag.'),
      signature: z
        .union([z.boolean(), signatureRequirement])
        .optional()
        .describe('It must carry a signature by somebody trusted: anybody of trust, or whom this names.'),
    })
    .optional()
    .describe('What must hold; where it does not, the rule denies.'),
  then: z
    .enum(['allow', 'deny'])
    .optional()
    .describe('deny: refused. allow: no later rule is asked. Absent: the rule only requires.'),
  reason: z.string().default('').describe('Why, for the person who is refused.'),
});

/** A policy document: the original's documented form, its older flat keys, and rules. */
export const policyDocument = z.strictObject({
  version: z.literal(1).default(1).describe('Of this form.'),
  publishers: z
    .strictObject({
      allowed: words.optional().describe('Only these publishers; absent or empty allows all.'),
      blocked: words.optional().describe('Never these.'),
    })
    .optional()
    .describe('By publisher: the first path segment after the upstream host, whatever its case.'),
  artifacts: z
    .strictObject({ blocked: words.optional().describe('Patterns over registry/repository:tag that are refused.') })
    .optional()
    .describe('By name.'),
  plugins: z
    .strictObject({
      requireVerified: z.boolean().optional().describe('zhi plugins must be verified by the marketplace.'),
    })
    .optional()
    .describe('zhi plugins: repositories whose last segment is zhi-<type>-<name>.'),
  allowedPublishers: words.optional().describe('The same as publishers.allowed.'),
  blockedArtifacts: words.optional().describe('Parts of repository names, as the original matches them.'),
  allowedTypes: z
    .array(z.enum(pluginTypes))
    .optional()
    .describe('Only zhi plugins of these types; absent or empty allows all.'),
  requireSignatures: z.boolean().optional().describe('Every artifact must carry a signature that a trusted key made.'),
  trust: trustSection.optional().describe('Whose signatures count: keys, signers without a key, certificates.'),
  retention: z
    .strictObject({ unusedDays: z.number().int().min(0).optional(), maxStorage: z.string().optional() })
    .optional()
    .describe('Of the original, which never applied it; the settings retention and storageCap do.'),
  sync: z
    .array(z.strictObject({ ref: z.string(), schedule: z.string().optional() }))
    .optional()
    .describe('Of the original; not done from here.'),
  rules: z.array(policyRule).default([]).describe('Asked in order, after the keys above.'),
});

export type PolicyDocument = z.output<typeof policyDocument>;
export type PolicyRule = z.output<typeof policyRule>;
