import { z } from 'zod';
import { size } from './quantities.ts';

/** Who gets the lines of the audit log. */
export const auditReceiver = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9](?:[a-z0-9-]{0,62})$/, 'is not a name of small letters, digits and "-"')
    .describe('What it is called; how far it is is remembered under this name.'),
  type: z
    .enum(['syslog', 'webhook', 'file'])
    .describe('syslog: RFC 5424 over TCP or TLS. webhook: CloudEvents 1.0 by POST. file: JSON lines, appended.'),
  url: z
    .string()
    .default('')
    .describe('syslog: tcp://host:601 or tls://host:6514. webhook: an https:// or http:// URL.'),
  file: z.string().default('').describe('file: where to.'),
  format: z
    .enum(['json', 'cef'])
    .default('json')
    .describe("syslog: the message, as the log's own line or as Common Event Format."),
  batch: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(100)
    .describe('webhook: events in one request at most; 1 sends each as a structured event of its own.'),
  secret: z
    .string()
    .default('')
    .describe('webhook: key of the HMAC-SHA256 signature over the body; empty: not signed.'),
  ca: z.string().default('').describe('PEM file of extra certificate authorities for tls:// and https://.'),
  queueLimit: size
    .prefault('1 GiB')
    .describe('How far it may be behind; beyond that the oldest lines are left out, and the log says so.'),
});

/** A receiver, defaults filled in. */
export type AuditReceiver = z.output<typeof auditReceiver>;
