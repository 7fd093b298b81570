import { z } from 'zod';

/** Routes about signatures. Times are milliseconds since the epoch. */

const foundSignature = z.object({
  form: z.enum(['cosign', 'bundle', 'notation']).describe('cosign: under its tag. bundle, notation: a referrer.'),
  digest: z.string().describe('Of the manifest that carries it.'),
  state: z.enum(['verified', 'failed']),
  signers: z.array(z.string()).describe('Who made it, as far as it was proved: keys by their names in the policy.'),
  signedAt: z.number().optional().describe('As far as it is proved, or an envelope says so.'),
  expiresAt: z.number().optional(),
  annotations: z.record(z.string(), z.string()),
  reason: z.string().optional().describe('Why it failed.'),
});

export const signatureReport = z.object({
  repository: z.string(),
  digest: z.string(),
  state: z
    .enum(['verified', 'unsigned', 'not-checked', 'failed'])
    .describe(
      'not-checked: the policy trusts nobody. failed: one is there that does not hold, or none could be looked up.',
    ),
  detail: z.string().describe('By whom, or why not.'),
  signatures: z.array(foundSignature),
  checkedAt: z.number(),
});

export const trustRoutes = {
  getSignatures: {
    method: 'GET',
    path: '/api/v1/cache/signatures',
    query: z.object({ repository: z.string().min(1), reference: z.string().min(1).describe('Tag or digest.') }),
    body: z.undefined(),
    response: signatureReport,
  },
} as const;
