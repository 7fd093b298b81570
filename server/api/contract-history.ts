import { z } from 'zod';

/** Routes of a tag's history: what it pointed at, rolling it back, undoing a deletion; and of new repositories. Times are milliseconds since the epoch, sizes bytes. */

export const historyEntry = z.object({
  digest: z.string(),
  firstSeenAt: z.number(),
  lastSeenAt: z.number(),
  endedAt: z.number().optional().describe('When the tag was moved away or deleted; absent: it points there now.'),
  endedAs: z.enum(['moved', 'deleted', 'retention', 'evicted', 'rolled back']).optional(),
  held: z.boolean().describe('Whether the manifest and all it needs are here, so that it can be rolled back to.'),
  missing: z.array(z.string()).describe('What of it is not here any more, at most 10 names.'),
  keptUntil: z
    .number()
    .optional()
    .describe('Until then at least it can be rolled back to; absent while the tag points there.'),
  bytes: z.number().describe('Bytes held of its graph.'),
});

export const tagHistory = z.object({
  repository: z.string(),
  tag: z.string(),
  current: z.string().optional().describe('Digest; absent when the tag was deleted.'),
  heldSince: z.number().optional().describe('A person put it there: no upstream moves it until it is let go.'),
  upstream: z.string().optional(),
  entries: z.array(historyEntry).describe('Newest first, at most 500.'),
});

const tagOf = z.object({ repository: z.string().min(1), tag: z.string().min(1) });

export const historyRoutes = {
  getTagHistory: {
    method: 'GET',
    path: '/api/v1/cache/history',
    query: tagOf,
    body: z.undefined(),
    response: tagHistory,
  },
  rollbackTag: {
    method: 'POST',
    path: '/api/v1/cache/rollback',
    query: z.object({}),
    body: tagOf.extend({
      digest: z
        .string()
        .optional()
        .describe('One of the history; absent: the one before, or the last of a deleted tag.'),
      dryRun: z.boolean().default(false),
    }),
    response: z.object({
      repository: z.string(),
      tag: z.string(),
      from: z.string().optional().describe('Digest; absent when the tag was deleted.'),
      to: z.string(),
      holds: z.boolean().describe('True for content of an upstream: the tag stays there until it is let go.'),
    }),
  },
  releaseTag: {
    method: 'POST',
    path: '/api/v1/cache/release',
    query: z.object({}),
    body: tagOf,
    response: tagHistory,
  },
  listDeleted: {
    method: 'GET',
    path: '/api/v1/cache/deleted',
    query: z.object({
      text: z.string().default('').describe('Part of a repository name.'),
      after: z.string().optional().describe('`next` of the page before.'),
      limit: z.coerce.number().int().min(1).max(200).default(100),
    }),
    body: z.undefined(),
    response: z.object({
      rows: z.array(
        z.object({
          repository: z.string(),
          reference: z.string().describe('Tag, or digest of a manifest that had none.'),
          digest: z.string(),
          deletedAt: z.number(),
          how: z.enum(['deleted', 'retention']),
          keptUntil: z.number(),
          bytes: z.number(),
        }),
      ),
      next: z.string().optional(),
    }),
  },
  restoreDeleted: {
    method: 'POST',
    path: '/api/v1/cache/restore',
    query: z.object({}),
    body: z.object({
      repository: z.string().min(1),
      reference: z
        .string()
        .min(1)
        .optional()
        .describe("Tag or digest; absent: all that the repository's last deletion took."),
    }),
    response: z.object({
      repository: z.string(),
      tags: z.array(z.string()),
      manifests: z.number().describe('Manifests that are served again.'),
    }),
  },
} as const;

export const repositoryRoutes = {
  createRepository: {
    method: 'POST',
    path: '/api/v1/cache/repositories',
    query: z.object({}),
    body: z.object({ repository: z.string().min(1) }),
    response: z.object({ repository: z.string(), created: z.boolean() }),
  },
  getPushInstructions: {
    method: 'GET',
    path: '/api/v1/cache/push-instructions',
    query: z.object({ repository: z.string().min(1) }),
    body: z.undefined(),
    response: z.object({
      repository: z.string(),
      isAllowed: z.boolean(),
      reason: z.string().optional().describe('Why nothing can be pushed there.'),
      commands: z.array(z.object({ tool: z.string(), command: z.string() })),
    }),
  },
} as const;
