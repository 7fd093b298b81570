import { z } from 'zod';
import { upstreamName } from '../config/schema.ts';

/**
 * Routes of zot: its configuration becomes upstreams, its folder becomes content. Times are milliseconds since the epoch,
 * sizes bytes.
 */

const unhonoured = z.object({ key: z.string(), why: z.string().describe('Why, and what happens instead.') });

export const zotEntry = z.object({
  name: z.string().describe('Name of the upstream it becomes.'),
  registry: z
    .number()
    .describe('Position in `registries`, from 0; one with several accounts becomes several upstreams.'),
  urls: z.array(z.string()),
  isFetched: z.boolean().describe('False: only what is held is served.'),
  account: z.string().optional().describe('User name; the password is never shown.'),
  rules: z.array(
    z.object({
      text: z.string(),
      example: z.object({ upstream: z.string(), here: z.string() }).optional(),
      tags: z.string().optional(),
    }),
  ),
  settings: z.string().describe('What is not as it is by default, as it goes into the audit.'),
  conflict: z
    .object({ changes: z.string().describe('What replacing it changes: `mode: check → offline; …`') })
    .optional()
    .describe('There is an upstream of this name.'),
  notHonoured: z.array(unhonoured),
});

export const zotConfigPreview = z.object({
  entries: z.array(zotEntry).describe("In the file's order."),
  notHonoured: z.array(unhonoured).describe('What is not about one registry.'),
  warnings: z.array(z.string()).describe('What is read another way than it is written, with line and column.'),
  problems: z.array(z.string()).describe('Why it cannot be imported, with line and column.'),
  locked: z.boolean().describe('True when the settings file lists the upstreams: then nothing can be imported.'),
});

const zotConfigText = z.object({
  content: z.string().describe('Text of the configuration, or of a piece of it.'),
  credentials: z
    .string()
    .default('')
    .describe('Text of its credentialsFile. Passwords are stored sealed and never come back.'),
});

const damage = z.object({ digest: z.string(), why: z.string(), breaks: z.array(z.string()) });

const importTally = {
  tags: z.number(),
  manifests: z.number(),
  blobs: z.number(),
  bytes: z.number().describe('Of blobs that nobody had here before.'),
  linkedBytes: z.number().describe('Of these, what needs no room: hard links.'),
  sharedBlobs: z.number().describe('Blobs that were here already under another name.'),
  alreadyHeld: z.number().describe('Manifests that were here already.'),
};

export const importedRepository = z.object({
  name: z.string().describe('As in the folder.'),
  target: z.string().describe('Name here.'),
  upstream: z.string().optional().describe("Absent: this mirror's own content."),
  ...importTally,
  damaged: z.array(damage),
  skipped: z.array(z.object({ what: z.string(), why: z.string() })),
});

export const dataImport = z.object({
  state: z.enum(['idle', 'running', 'done', 'failed', 'cancelled']),
  directory: z.string(),
  dryRun: z.boolean(),
  startedAt: z.number().optional(),
  finishedAt: z.number().optional(),
  error: z.string().optional(),
  progress: z.object({
    repositories: z.number(),
    repositoriesTotal: z.number(),
    blobs: z.number(),
    bytes: z.number(),
  }),
  repositories: z.array(importedRepository).describe('From `from` on, at most 500.'),
  repositoriesDone: z.number(),
  passedOver: z.array(z.object({ path: z.string(), why: z.string() })).describe('Folders that were not read.'),
});

export const zotRoutes = {
  previewZotConfig: {
    method: 'POST',
    path: '/api/v1/upstreams/zot-preview',
    query: z.object({}),
    body: zotConfigText,
    response: zotConfigPreview,
  },
  importZotConfig: {
    method: 'POST',
    path: '/api/v1/upstreams/zot-import',
    query: z.object({}),
    body: zotConfigText.extend({
      entries: z
        .array(z.object({ name: upstreamName, onConflict: z.enum(['replace', 'skip']).default('skip') }))
        .min(1, 'choose at least one'),
    }),
    response: z.object({
      added: z.array(z.string()),
      replaced: z.array(z.string()),
      skipped: z.array(z.string()).describe('There is an upstream of this name, and it stays as it is.'),
    }),
  },
  importZotData: {
    method: 'POST',
    path: '/api/v1/cache/zot-import',
    query: z.object({}),
    body: z.object({
      directory: z.string().min(1).describe("zot's storage root on the mirror's machine; absolute."),
      dryRun: z.boolean().default(false),
    }),
    response: dataImport,
  },
  getZotImport: {
    method: 'GET',
    path: '/api/v1/cache/zot-import',
    query: z.object({ from: z.coerce.number().int().min(0).default(0) }),
    body: z.undefined(),
    response: dataImport,
  },
  cancelZotImport: {
    method: 'POST',
    path: '/api/v1/cache/zot-import/cancel',
    query: z.object({}),
    body: z.object({}),
    response: dataImport,
  },
} as const;
