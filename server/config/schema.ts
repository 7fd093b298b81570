import { z } from 'zod';
import { auditReceiver } from './audit-receiver.ts';
import { duration, size } from './quantities.ts';
import { storagePaths } from './storage-paths.ts';
import { isVersionRange } from './version-range.ts';

/**
 * The only list of settings: type, default, unit and one sentence each (`describe`), from which the settings
 * reference is generated. The same names are used in the settings file, by the admin API and in messages.
 */

/** What an upstream is asked and when (PRODUCT C5). */
export const upstreamMode = z.enum(['check', 'prefer-cache', 'offline']);

export const tagRule = z.strictObject({
  pattern: z
    .string()
    .min(1)
    .describe('Glob on the tag, or on repository:tag when it contains a colon; the first matching rule wins.'),
  ttl: z
    .union([z.literal('immutable'), duration])
    .describe('How long a tag is served without asking, or "immutable": never asked again.'),
});

export const account = z.strictObject({
  path: z
    .string()
    .default('')
    .describe('Repository prefix on the upstream this account is for; empty means all of it. The longest match wins.'),
  username: z.string().default('').describe('User name for Basic, or for the token service of a Bearer challenge.'),
  password: z.string().default('').describe('Password or personal access token.'),
  registryToken: z
    .string()
    .default('')
    .describe('A ready-made Bearer token, sent as it is instead of user name and password.'),
});

export const upstreamTls = z.strictObject({
  verify: z.boolean().default(true).describe("Whether the upstream's certificate is verified."),
  ca: z.string().default('').describe('PEM file of extra certificate authorities.'),
  cert: z.string().default('').describe('PEM file of a client certificate.'),
  key: z.string().default('').describe("PEM file of the client certificate's key."),
  certDirectory: z
    .string()
    .default('')
    .describe(
      'Folder with *.crt (authorities) and *.cert with *.key (client certificate), as Docker and zot lay it out.',
    ),
});

/** The name clients write: a host, perhaps with a port. */
export const upstreamName = z
  .string()
  .regex(
    /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::[0-9]{1,5})?$/,
    'is not a host such as "ghcr.io" or "registry.test:5000"',
  );

const tagExpression = z
  .string()
  .default('')
  .refine((text) => isExpression(text), { error: 'is not a regular expression' });

/** Which repositories of an upstream are mirrored, and where they appear: zot's content rules. */
export const contentRule = z.strictObject({
  prefix: z
    .string()
    .min(1)
    .describe(
      'Repository on the upstream: exact, or a glob where * is within one segment and ** is any number of them.',
    ),
  destination: z.string().default('').describe('Put before the repository to make its name here.'),
  stripPrefix: z
    .boolean()
    .default(false)
    .describe('Whether the segments of prefix before its first * are left out of the name here.'),
  tags: z
    .strictObject({
      regex: tagExpression.describe('Only tags in which this regular expression is found; empty means all.'),
      excludeRegex: tagExpression.describe('No tags in which this regular expression is found; empty means none.'),
      semver: z.boolean().default(false).describe('Only tags that are versions such as 1.2.3, v2.0 or 3.'),
    })
    .prefault({})
    .describe('Which tags are fetched; what is held is served whatever its tag.'),
});

export const upstream = z.strictObject({
  name: upstreamName.describe('What clients write as first path segment or in ns=: the host, perhaps with a port.'),
  urls: z
    .array(z.url({ protocol: /^https?$/, error: 'is not an http:// or https:// URL' }))
    .default([])
    .describe('Base URLs tried in order; empty means https:// and the name. A path is put before the repository.'),
  mode: upstreamMode
    .default('check')
    .describe('check: ask again after the TTL. prefer-cache: ask only for what is not held. offline: never ask.'),
  ttl: duration.prefault('5m').describe('How long a tag is served without asking upstream again.'),
  tags: z.array(tagRule).default([]).describe('TTLs for tag patterns, tried in order before `ttl`.'),
  negativeTtl: duration.prefault('1m').describe('How long "not found" is remembered.'),
  staleIfError: z
    .boolean()
    .default(true)
    .describe('Whether what is held is served, marked stale, when the upstream fails.'),
  maxRetries: z
    .number()
    .int()
    .min(0)
    .max(10)
    .default(2)
    .describe('How often a failed request is repeated before the next URL is tried.'),
  retryDelay: duration.prefault('250ms').describe('Wait before the first repetition; doubled each time.'),
  connectTimeout: duration.prefault('3s').describe('Limit for TCP and TLS.'),
  headersTimeout: duration
    .prefault('20s')
    .describe("Limit from the request to the answer's headers. What is held is served stale after 2.5 s of waiting."),
  idleTimeout: duration.prefault('30s').describe('Limit between two pieces of a body.'),
  breakerFailures: z
    .number()
    .int()
    .min(1)
    .default(3)
    .describe('Consecutive failures after which the upstream is left alone for breakerWait.'),
  breakerWait: duration
    .prefault('3s')
    .describe(
      'How long a failing upstream is left alone; then one request tries it while the others are answered at once. "Retry now" ends it.',
    ),
  maxConcurrent: z.number().int().min(1).max(1024).default(64).describe('Requests under way at once.'),
  accounts: z.array(account).default([]).describe('Accounts, several per upstream by repository prefix.'),
  tls: upstreamTls.prefault({}).describe('Certificates for this upstream.'),
  proxy: z
    .string()
    .default('')
    .describe("HTTP proxy URL for this upstream; empty means the environment's HTTPS_PROXY and NO_PROXY."),
  allowPrivateRedirects: z
    .boolean()
    .default(false)
    .describe('Whether a public upstream may redirect, or name a token service, on a private address.'),
  interceptHosts: z
    .array(upstreamName)
    .default([])
    .describe("Host names that, when they are the request's Host, mean this upstream."),
  onDemand: z
    .boolean()
    .default(true)
    .describe('Whether what is not held is fetched when somebody asks for it; false serves only what is held.'),
  onlySigned: z
    .boolean()
    .default(false)
    .describe(
      'Whether only what carries a signature is delivered, by whomever it is; whose signatures count is for the policy. Where onDemand is false, what is held is served.',
    ),
  content: z
    .array(contentRule)
    .default([])
    .describe('Content rules, tried in order. With any, only what they name is fetched from this upstream.'),
});

/** Which tags stay, by repository; what no rule names stays. */
export const retentionRule = z.strictObject({
  repositories: z
    .array(z.string().min(1))
    .min(1)
    .describe('Globs of repositories; * is within one segment, ** any number of them.'),
  tags: z
    .array(z.string().min(1))
    .min(1)
    .default(['**'])
    .describe('Globs of the tags the rule is about; no later rule is about these.'),
  keep: z
    .strictObject({
      newest: z.number().int().min(0).optional().describe('This many, by when they came to point where they do.'),
      semver: z
        .string()
        .min(1)
        .refine((text) => isVersionRange(text), { error: 'is not a range of versions such as ">=2.0.0 <3"' })
        .optional()
        .describe('Versions in this range, such as ">=2.0.0 <3".'),
      pulledWithin: duration.optional().describe('Tags that were pulled within this time.'),
      pushedWithin: duration.optional().describe('Tags that were pushed, or came from upstream, within this time.'),
    })
    .optional()
    .describe(
      'A tag stays when one of these says so, the others go; an empty group lets every tag go. Absent: every tag stays, or, with `untagged`, the rule is not about tags.',
    ),
  untagged: duration
    .optional()
    .describe(
      'Manifests of these repositories that have no tag, that nothing references and nobody pulled for this long, go.',
    ),
});

function isExpression(text: string): boolean {
  try {
    return new RegExp(text).source !== '';
  } catch {
    return false;
  }
}

export const settings = z.strictObject({
  listen: z
    .string()
    .default(':5050')
    .describe('Address of the mirror listener: host:port, or :port for every interface.'),
  adminListen: z
    .string()
    .default('127.0.0.1:5051')
    .describe('Address of the admin listener; only loopback addresses until logins are built.'),
  dataDirectory: z
    .string()
    .default('')
    .describe(
      'Where the database and, unless storageDirectory says otherwise, the content lives. Default: ~/.zhi/mirror, or /var/lib/zhi-mirror without a home.',
    ),
  storageDirectory: z.string().default('').describe('Where content is kept; default: the data directory.'),
  storagePaths,
  upstreamRegistry: z
    .string()
    .default('ghcr.io')
    .describe('The default upstream: where names without an upstream host are looked up; "" means nowhere.'),
  upstreams: z
    .array(upstream)
    .optional()
    .describe(
      'The upstreams. When absent, the ones added in the window are used, at first Docker Hub, GHCR, Quay and registry.k8s.io.',
    ),
  upstreamTls: upstreamTls.prefault({}).describe('Certificates for upstreams that have none of their own.'),
  tls: z
    .strictObject({
      cert: z
        .string()
        .default('')
        .describe('PEM file of the server certificate; TLS is on when cert and key are both given.'),
      key: z.string().default('').describe("PEM file of the server certificate's key."),
      clientCa: z
        .string()
        .default('')
        .describe('PEM file of the authority client certificates must be signed by (mTLS).'),
      minVersion: z.enum(['1.2', '1.3']).default('1.2').describe('Lowest TLS version accepted.'),
      cipherSuites: z
        .array(z.string())
        .default([])
        .describe("Allowed cipher suites by Go's names; empty means the defaults."),
    })
    .prefault({})
    .describe('TLS of the mirror listener.'),
  audit: z
    .strictObject({
      file: z
        .string()
        .default('')
        .describe(
          'Audit log file (JSON Lines); "-" is standard output. Default: audit/audit.jsonl in the data directory.',
        ),
      rotateSize: size
        .prefault('256 MiB')
        .describe('A file of the log that is this large is full, and a new one begins; 0 B: never by size.'),
      rotateDaily: z.boolean().default(true).describe('Whether each day of UTC with events has a file of its own.'),
      keepFor: duration
        .prefault('0s')
        .describe('Files of the log whose last line is older than this are deleted; 0s: none ever.'),
      forward: z
        .array(auditReceiver)
        .default([])
        .describe('Who gets each line of the log too; each from where it was left, also after an outage.'),
    })
    .prefault({})
    .describe('The audit log.'),
  log: z
    .strictObject({
      level: z
        .enum(['trace', 'debug', 'info', 'warn', 'error'])
        .default('info')
        .describe('Lowest level written to standard error.'),
    })
    .prefault({})
    .describe("The program's own log."),
  push: z
    .strictObject({
      repositories: z
        .array(z.string().min(1))
        .default(['**'])
        .describe(
          'Globs of repositories that clients may push to and delete from. Names that mean content of an upstream never accept a push; an empty list makes the mirror read-only.',
        ),
      sparse: z
        .enum(['none', 'indexes', 'all'])
        .default('none')
        .describe(
          'What may be pushed without all it refers to. none: nothing. indexes: an index without some of its manifests. all: any manifest.',
        ),
    })
    .prefault({})
    .describe('What clients may push.'),
  uploads: z
    .strictObject({
      expireAfter: duration.prefault('24h').describe('An upload that nobody went on with for this long is removed.'),
    })
    .prefault({})
    .describe('Blob uploads under way.'),
  policy: z
    .strictObject({
      file: z
        .string()
        .default('')
        .describe('Policy file (YAML), read again when it changes; empty: the policy of the window.'),
    })
    .prefault({})
    .describe('What may be pulled, pushed and carried.'),
  offline: z.boolean().default(false).describe('The global offline switch: no upstream is ever called.'),
  freeSpaceFloor: size
    .prefault('512 MiB')
    .describe('Caching stops, and serving goes on, when less than this is free on the disk.'),
  storageCap: size
    .prefault('0 B')
    .describe(
      'Most bytes of blobs kept on the disk; 0 B is no cap. What was pulled longest ago goes first; pins and pushed content never go.',
    ),
  history: z
    .strictObject({
      keepFor: duration
        .prefault('30d')
        .describe('How long the previous content of a moved or deleted tag is kept, to be rolled back to.'),
    })
    .prefault({})
    .describe('What tags pointed at before.'),
  gc: z
    .strictObject({
      every: duration
        .prefault('24h')
        .describe('How often content that nothing needs any more is removed; 0s: never by itself.'),
      delay: duration
        .prefault('1h')
        .describe('How long content that no manifest references is left alone: a push may be under way.'),
    })
    .prefault({})
    .describe('Garbage collection: what nothing needs any more is removed, while serving.'),
  retention: z
    .strictObject({
      rules: z
        .array(retentionRule)
        .default([])
        .describe('In order; the first that names the repository and the tag decides.'),
    })
    .prefault({})
    .describe('Which tags stay; applied before each garbage collection.'),
  scrub: z
    .strictObject({
      every: duration.prefault('30d').describe('How often each blob is read again and proved; 0s: never by itself.'),
      rate: size.prefault('20 MiB').describe('Bytes read per second at most.'),
    })
    .prefault({})
    .describe('Reading stored content again, to find what rotted on the disk.'),
  trustedProxies: z
    .array(z.string())
    .default([])
    .describe('Addresses or CIDR ranges whose X-Forwarded-For is believed.'),
});

/** One upstream, defaults filled in, durations in milliseconds. */
export type UpstreamSettings = z.output<typeof upstream>;
/** One upstream as a person or the admin API writes it. */
export type UpstreamInput = z.input<typeof upstream>;
export type AccountSettings = z.output<typeof account>;
/** An account as the admin API takes it. */
export type AccountInput = z.input<typeof account>;
export type ContentRule = z.output<typeof contentRule>;
export type UpstreamTlsSettings = z.output<typeof upstreamTls>;
export type RetentionRule = z.output<typeof retentionRule>;
/** A retention rule as a person or the admin API writes it: durations are text. */
export type RetentionRuleInput = z.input<typeof retentionRule>;
/** All settings, defaults filled in, durations in milliseconds, sizes in bytes. */
export type Settings = z.output<typeof settings>;
export type SettingsInput = z.input<typeof settings>;
