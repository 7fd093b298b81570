import { RequestError, UpstreamError } from '../errors.ts';
import type { LiveUpstream } from './targets.ts';

/**
 * Network faults, refused tokens, 429 and 5xx, nonsense, and a tag the upstream no longer has: what is held was verified, and
 * is better than nothing.
 */
export function mayServeStale(error: unknown): boolean {
  if (error instanceof RequestError) return error.code === 'MANIFEST_UNKNOWN' || error.code === 'NAME_UNKNOWN';
  return error instanceof UpstreamError && error.code !== 'UPSTREAM_FORBIDDEN_ADDRESS';
}

/** A manifest that can't be read is the upstream's fault, not the client's. */
export function asUpstreamFault(error: unknown, upstream: LiveUpstream): unknown {
  if (!(error instanceof RequestError) || error.code !== 'MANIFEST_INVALID') return error;
  return new UpstreamError('UPSTREAM_INVALID', `${upstream.settings.name} sent an ${error.message}`, { cause: error });
}

/** Why what is held is served although its upstream should have confirmed it, for a person. */
export function reasonOf(error: unknown, upstream: LiveUpstream): string {
  if (error instanceof RequestError) return `${upstream.settings.name} no longer has this tag`;
  return error instanceof Error ? error.message : 'upstream failed';
}
