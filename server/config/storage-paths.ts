import { z } from 'zod';

/** A directory of its own for some repositories. */
export const storagePath = z.strictObject({
  prefix: z
    .string()
    .regex(
      /^[a-z0-9][a-z0-9._:-]*(?:\/[a-z0-9][a-z0-9._-]*)*$/,
      'is not the beginning of a repository such as "infra" or "ghcr.io/org"',
    )
    .describe('The repository of this name, and all below it; the deepest prefix wins.'),
  directory: z
    .string()
    .min(1)
    .describe('Where what comes from now on is kept; neither in the data directory nor in another of these.'),
});

/** The setting of that name. */
export const storagePaths = z
  .array(storagePath)
  .default([])
  .describe('Repositories whose blobs are kept in directories of their own, on other disks for example.');
