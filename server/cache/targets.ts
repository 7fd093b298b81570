import type { UpstreamSettings } from '../config/schema.ts';
import type { Repository } from '../storage/repository-store.ts';
import type { UpstreamClient } from '../upstream/client.types.ts';

/** Where a request leads: the repository in the store and, for cached content, its upstream. */
export interface Target {
  /** Name in the store. */
  readonly name: string;
  readonly upstream: string | undefined;
  readonly upstreamRepository: string | undefined;
}

/** An upstream as the cache sees it now; settings may change between requests. */
export interface LiveUpstream {
  readonly settings: UpstreamSettings;
  readonly client: UpstreamClient;
}

/** Finds upstreams and the global offline switch; implemented by the set of upstreams. */
export interface UpstreamLookup {
  /** The upstream of a target, restricted to what its content rules let through. */
  of(target: Target): LiveUpstream | undefined;
  readonly isOffline: boolean;
}

/** What the cache tells whoever watches: nothing here may throw or wait. */
export interface CacheEvents {
  /** Content of a repository changed: a tag moved, something was stored or deleted. */
  changed(repository: Repository): void;
  /** Bytes came from an upstream. */
  fetched(bytes: number): void;
  /** Something a person should know, e.g. a full disk. */
  warn(message: string, detail: Readonly<Record<string, unknown>>): void;
}

/** How an answer came about, for headers and audit. */
export type Provenance =
  | { readonly outcome: 'hit' }
  | { readonly outcome: 'miss' }
  /** Upstream could not confirm; `reason` is for a person. */
  | { readonly outcome: 'stale'; readonly reason: string };
