import { z } from 'zod';

/** Routes of what proves the audit log and brings it to others. Times are milliseconds since the epoch, sizes bytes. */

export const auditProofView = z.object({
  lastSeq: z.number().describe('Number of the last line; 0 before the first, and when the log is standard output.'),
  key: z.object({
    fingerprint: z.string().describe("SHA-256 of the public key's DER form, in hex."),
    pem: z.string(),
    createdAt: z.number(),
  }),
  missing: z
    .object({ from: z.number(), to: z.number() })
    .optional()
    .describe('Lines that were signed and were gone when the mirror started.'),
});

export const auditVerification = z.object({
  ok: z.boolean(),
  files: z.array(
    z.object({
      path: z.string(),
      lines: z.number(),
      notChained: z.number().describe('Lines from before there was a chain: nothing proves them.'),
      firstSeq: z.number().optional(),
      lastSeq: z.number().optional(),
    }),
  ),
  lines: z.number(),
  notChained: z.number(),
  checkpoints: z.number(),
  unsigned: z.number().describe('Lines after the last signed checkpoint.'),
  firstAt: z.number().optional(),
  lastAt: z.number().optional(),
  firstSeq: z.number().optional(),
  lastSeq: z.number().optional(),
  deletedThrough: z.number().optional().describe('Up to this line the log was deleted after its time.'),
  keys: z.array(z.object({ fingerprint: z.string(), checkpoints: z.number(), isKnown: z.boolean().optional() })),
  problems: z
    .array(
      z.object({
        kind: z.enum([
          'edited',
          'removed',
          'reordered',
          'inserted',
          'truncated',
          'unsigned',
          'bad-signature',
          'unknown-key',
          'unreadable',
        ]),
        file: z.string(),
        line: z.number().describe('In the file, from 1.'),
        message: z.string(),
      }),
    )
    .describe('At most 1000.'),
  problemsTotal: z.number(),
});

export const forwarderView = z.object({
  name: z.string(),
  type: z.enum(['syslog', 'webhook', 'file']),
  target: z.string().describe('Where to, without a password.'),
  seq: z.number().describe('Last line it has.'),
  linesBehind: z.number(),
  bytesBehind: z.number(),
  queueLimit: z.number().describe('Bytes it may be behind; beyond that lines are left out.'),
  skipped: z.number().describe('Lines it will never get.'),
  lastSentAt: z.number().optional(),
  error: z.string().optional().describe('Why it does not go on.'),
  failingSince: z.number().optional(),
  isTroubled: z.boolean().describe('True when a person should look.'),
});

const nothing = { query: z.object({}), body: z.undefined() } as const;

export const auditProofRoutes = {
  getAuditProof: { method: 'GET', path: '/api/v1/audit/proof', ...nothing, response: auditProofView },
  verifyAudit: {
    method: 'POST',
    path: '/api/v1/audit/verify',
    query: z.object({}),
    body: z.object({}),
    response: auditVerification,
  },
  getForwarders: {
    method: 'GET',
    path: '/api/v1/audit/forwarders',
    ...nothing,
    response: z.object({ forwarders: z.array(forwarderView) }),
  },
  testForwarder: {
    method: 'POST',
    path: '/api/v1/audit/forwarders/test',
    query: z.object({}),
    body: z.object({ name: z.string().min(1) }),
    response: z.object({
      ok: z.boolean(),
      error: z.string().optional().describe('Why the receiver did not take it.'),
      durationMs: z.number(),
    }),
  },
} as const;
