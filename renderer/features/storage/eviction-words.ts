import type { RouteResponse } from '../../../server/api/contract.ts';
import { shortDigest } from '../../format.ts';

/** What may be evicted, in words. PURE. */

export type EvictionRow = RouteResponse<'listEvictions'>['rows'][number];

/** `repository:tag`, with its other tags; `repository@sha256:…` when it has none. */
export function evictionName({ repository, references, digest }: EvictionRow): string {
  const [first, ...others] = references;
  if (first === undefined || first === digest) return `${repository}@${shortDigest(digest)}`;
  return `${repository}:${[first, ...others].join(', ')}`;
}
