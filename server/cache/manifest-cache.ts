import { RequestError, UpstreamError } from '../errors.ts';
import { SingleFlight, within } from '../lib/concurrency.ts';
import type { Clock } from '../lib/clock.ts';
import type { Digest } from '../oci/digest.ts';
import { isDigest } from '../oci/digest.ts';
import { formatReference } from '../oci/reference.ts';
import type { Reference } from '../oci/reference.ts';
import type { ManifestStore, StoredManifest } from '../storage/manifest-store.ts';
import type { Repository, RepositoryStore } from '../storage/repository-store.ts';
import type { Tag, TagStore } from '../storage/tag-store.ts';
import type { ManifestAnswer } from '../upstream/client.types.ts';
import { Absences } from './absences.ts';
import type { Admission } from './admit.ts';
import { isFresh, tagTtlMs } from './freshness.ts';
import type { CacheEvents, LiveUpstream, Provenance, Target, UpstreamLookup } from './targets.ts';

/** What is held is served stale when its upstream has not answered by then; the check goes on. */
const patienceMs = 2500;
/** After a failed check a tag is not asked about again before this, whoever pulls. */
const recheckMs = 15_000;
/** A background check is given up after this. */
const checkLimitMs = 60_000;

/** A manifest to answer with. */
export interface ManifestResult {
  readonly manifest: StoredManifest;
  readonly provenance: Provenance;
  readonly repository: Repository;
  /** Until when, by the wall clock, the same answer may be given without asking; 0: not at all. */
  readonly freshUntil: number;
}

/** What a HEAD of something not held is answered with; nothing was transferred. */
export interface ManifestHeadResult {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly sizeBytes: number;
}

export interface ManifestCacheParts {
  readonly manifests: ManifestStore;
  readonly tags: TagStore;
  readonly repositories: RepositoryStore;
  readonly admission: Admission;
  readonly upstreams: UpstreamLookup;
  readonly events: CacheEvents;
  readonly clock: Clock;
}

interface Failure {
  readonly reason: string;
}

/** Manifests, local first: a digest held is never asked for, a tag only after its TTL, by one request for all who wait. */
export class ManifestCache {
  readonly #parts: ManifestCacheParts;
  readonly #checks = new SingleFlight<string, Tag>();
  readonly #fetches = new SingleFlight<string, StoredManifest>();
  readonly #absent: Absences<RequestError>;
  readonly #failed: Absences<Failure>;

  constructor(parts: ManifestCacheParts) {
    this.#parts = parts;
    this.#absent = new Absences(parts.clock);
    this.#failed = new Absences(parts.clock);
  }

  /** Forgets remembered absences and failed checks, e.g. after the upstreams changed or on "Retry now". */
  forgetAbsences(): void {
    this.#absent.clear();
    this.#failed.clear();
  }

  /**
   * The manifest for a tag or digest.
   * @throws RequestError (MANIFEST_UNKNOWN, NAME_UNKNOWN), UpstreamError, ContentError
   */
  async get(target: Target, reference: Reference, signal: AbortSignal): Promise<ManifestResult> {
    return reference.kind === 'digest'
      ? this.#getByDigest(target, reference.digest, signal)
      : this.#getByTag(target, reference.tag);
  }

  /**
   * What a HEAD needs. Something not held costs a HEAD upstream and no body; undefined when the upstream does not say
   * enough, then {@link get} does.
   */
  async head(target: Target, reference: Reference, signal: AbortSignal): Promise<ManifestHeadResult | undefined> {
    const upstream = this.#upstreamOf(target, reference);
    this.#refuseKnownAbsent(target, formatReference(reference));
    try {
      const head = await upstream.client.headManifest(this.#nameOf(target), formatReference(reference), signal);
      if (head.digest === undefined || head.mediaType === undefined || head.sizeBytes === undefined) return undefined;
      return { digest: head.digest, mediaType: head.mediaType, sizeBytes: head.sizeBytes };
    } catch (error) {
      throw this.#noteAbsence(target, upstream, formatReference(reference), error);
    }
  }

  /** Whether {@link get} would answer without an upstream. */
  isHeld(target: Target, reference: Reference): boolean {
    const repository = this.#parts.repositories.find(target.name);
    if (repository === undefined) return false;
    if (reference.kind === 'tag') return this.#parts.tags.find(repository.id, reference.tag) !== undefined;
    return this.#findHeld(repository, reference.digest) !== undefined;
  }

  /**
   * Asks the upstream about a tag now, whatever its TTL.
   * @throws UpstreamError, RequestError
   */
  async refresh(target: Target, tag: string): Promise<{ readonly digest: Digest; readonly changed: boolean }> {
    const upstream = this.#upstreamOf(target, { kind: 'tag', tag });
    const repository = this.#ensure(target);
    const before = this.#parts.tags.find(repository.id, tag);
    this.#absent.delete(`${target.name}:${tag}`);
    const after = await this.#checkOnce(target, upstream, repository, tag);
    return { digest: after.digest, changed: after.digest !== before?.digest };
  }

  async #getByDigest(target: Target, digest: Digest, signal: AbortSignal): Promise<ManifestResult> {
    const repository = this.#parts.repositories.find(target.name);
    const held = repository === undefined ? undefined : this.#findHeld(repository, digest);
    if (repository !== undefined && held !== undefined) {
      return { manifest: held, provenance: { outcome: 'hit' }, repository, freshUntil: Number.POSITIVE_INFINITY };
    }
    signal.throwIfAborted();
    const upstream = this.#upstreamOf(target, { kind: 'digest', digest });
    this.#refuseKnownAbsent(target, digest);
    const owner = this.#ensure(target);
    const manifest = await this.#fetches.run(`${owner.name}@${digest}`, () =>
      this.#fetch(target, upstream, owner, digest),
    );
    return { manifest, provenance: { outcome: 'miss' }, repository: owner, freshUntil: Number.POSITIVE_INFINITY };
  }

  /** A manifest the repository holds, or that is held and one of its own indexes lists. */
  #findHeld(repository: Repository, digest: Digest): StoredManifest | undefined {
    const linked = this.#parts.manifests.findIn(repository.id, digest);
    if (linked !== undefined) return linked;
    const shared = this.#parts.manifests.find(digest);
    if (shared === undefined || this.#parts.manifests.referencedSize(repository.id, digest) === undefined)
      return undefined;
    this.#parts.manifests.link(repository.id, digest, this.#parts.clock.now());
    return shared;
  }

  async #getByTag(target: Target, tag: string): Promise<ManifestResult> {
    const repository = this.#parts.repositories.find(target.name);
    const held = repository === undefined ? undefined : this.#parts.tags.find(repository.id, tag);
    if (repository === undefined || held === undefined) return this.#firstPull(target, tag);
    const upstream = target.upstream === undefined ? undefined : this.#parts.upstreams.find(target.upstream);
    // pushed content has no upstream, and an upstream that was removed is never asked again
    if (upstream === undefined || held.checkedAt === undefined)
      return this.#answer(repository, held, { outcome: 'hit' }, Number.POSITIVE_INFINITY);
    const ttlMs = tagTtlMs(
      { settings: upstream.settings, isOffline: this.#parts.upstreams.isOffline },
      target.name,
      tag,
    );
    if (isFresh(held.checkedAt, ttlMs, this.#parts.clock.now())) {
      return this.#answer(repository, held, { outcome: 'hit' }, held.checkedAt + ttlMs);
    }
    return this.#revalidate(target, upstream, repository, held, ttlMs);
  }

  async #firstPull(target: Target, tag: string): Promise<ManifestResult> {
    const upstream = this.#upstreamOf(target, { kind: 'tag', tag });
    this.#refuseKnownAbsent(target, tag);
    const owner = this.#ensure(target);
    const manifest = await this.#fetches.run(`${owner.name}:${tag}`, () => this.#fetch(target, upstream, owner, tag));
    const ttlMs = tagTtlMs({ settings: upstream.settings, isOffline: false }, target.name, tag);
    return {
      manifest,
      provenance: { outcome: 'miss' },
      repository: owner,
      freshUntil: this.#parts.clock.now() + ttlMs,
    };
  }

  async #revalidate(
    target: Target,
    upstream: LiveUpstream,
    repository: Repository,
    held: Tag,
    ttlMs: number,
  ): Promise<ManifestResult> {
    const failed = this.#failed.get(`${target.name}:${held.name}`);
    if (failed !== undefined) return this.#answer(repository, held, { outcome: 'stale', reason: failed.reason }, 0);
    const check = this.#checkOnce(target, upstream, repository, held.name);
    try {
      const answered = await within(check, upstream.settings.staleIfError ? patienceMs : checkLimitMs);
      if (answered === undefined) {
        check.catch(() => undefined);
        const reason = `${upstream.settings.name} has not answered for ${String(patienceMs / 1000)} s`;
        return await this.#answer(repository, held, { outcome: 'stale', reason }, 0);
      }
      const now = answered.value;
      const outcome = now.digest === held.digest ? 'hit' : 'miss';
      return await this.#answer(repository, now, { outcome }, (now.checkedAt ?? 0) + ttlMs);
    } catch (error) {
      if (!upstream.settings.staleIfError || !mayServeStale(error)) throw error;
      return this.#answer(repository, held, { outcome: 'stale', reason: reasonOf(error, upstream) }, 0);
    }
  }

  /** One check for everybody; a failure is remembered, so that the next pulls do not wait for the same thing again. */
  #checkOnce(target: Target, upstream: LiveUpstream, repository: Repository, tag: string): Promise<Tag> {
    const key = `${target.name}:${tag}`;
    return this.#checks.run(key, async () => {
      try {
        const checked = await this.#check(target, upstream, repository, tag);
        this.#failed.delete(key);
        return checked;
      } catch (error) {
        if (mayServeStale(error)) {
          this.#failed.put(key, { reason: reasonOf(error, upstream) }, Math.min(upstream.settings.ttl, recheckMs));
          this.#parts.tags.markStale(repository.id, tag, this.#parts.clock.now());
        }
        throw error;
      }
    });
  }

  async #check(target: Target, upstream: LiveUpstream, repository: Repository, tag: string): Promise<Tag> {
    const signal = AbortSignal.timeout(checkLimitMs);
    const head = await upstream.client.headManifest(this.#nameOf(target), tag, signal);
    const now = this.#parts.clock.now();
    if (head.digest !== undefined && this.#findHeld(repository, head.digest) !== undefined) {
      return this.#point(repository, tag, head.digest, now);
    }
    // by digest, so that a tag that moves between the two requests can't mix them up
    const answer = await upstream.client.getManifest(this.#nameOf(target), head.digest ?? tag, signal);
    this.#admit(repository, answer, tag);
    return { name: tag, digest: answer.digest, checkedAt: now };
  }

  #point(repository: Repository, tag: string, digest: Digest, now: number): Tag {
    const before = this.#parts.tags.find(repository.id, tag);
    this.#parts.tags.put(repository.id, tag, digest, { now, checkedAt: now });
    if (before?.digest !== digest) this.#parts.events.changed(repository);
    return { name: tag, digest, checkedAt: now };
  }

  async #fetch(target: Target, upstream: LiveUpstream, owner: Repository, reference: string): Promise<StoredManifest> {
    const signal = AbortSignal.timeout(checkLimitMs);
    try {
      const answer = await upstream.client.getManifest(this.#nameOf(target), reference, signal);
      return this.#admit(owner, answer, isDigest(reference) ? undefined : reference);
    } catch (error) {
      throw this.#noteAbsence(target, upstream, reference, error);
    }
  }

  #admit(repository: Repository, answer: ManifestAnswer, tag: string | undefined): StoredManifest {
    const now = this.#parts.clock.now();
    const { digest, content, mediaType } = answer;
    this.#parts.events.fetched(content.length);
    const result = this.#parts.admission.admitManifest({
      repository,
      digest,
      content,
      mediaType,
      tag,
      now,
      checkedAt: now,
    });
    if (result.stored) this.#parts.events.changed(repository);
    else
      this.#parts.events.warn('a manifest could not be kept; it is only passed on', {
        digest,
        error: result.error?.message,
      });
    return result.admitted;
  }

  async #answer(repository: Repository, tag: Tag, provenance: Provenance, freshUntil: number): Promise<ManifestResult> {
    const manifest = this.#parts.manifests.find(tag.digest);
    if (manifest === undefined)
      throw new RequestError('MANIFEST_UNKNOWN', `manifest ${tag.digest} of tag ${tag.name} is not held`, {
        value: tag.name,
      });
    return Promise.resolve({ manifest, provenance, repository, freshUntil });
  }

  #ensure(target: Target): Repository {
    return this.#parts.repositories.ensure(target.name, target, this.#parts.clock.now());
  }

  #nameOf(target: Target): string {
    return target.upstreamRepository ?? target.name;
  }

  #upstreamOf(target: Target, reference: Reference): LiveUpstream {
    const what = `${target.name}${reference.kind === 'tag' ? ':' : '@'}${formatReference(reference)}`;
    const upstream = target.upstream === undefined ? undefined : this.#parts.upstreams.find(target.upstream);
    if (upstream === undefined)
      throw new RequestError('MANIFEST_UNKNOWN', `manifest ${what} is not held`, { value: what });
    if (this.#parts.upstreams.isOffline || upstream.settings.mode === 'offline') {
      throw new UpstreamError(
        'UPSTREAM_OFFLINE',
        `${what} is not held and ${upstream.settings.name} is switched offline`,
        { value: what },
      );
    }
    return upstream;
  }

  #refuseKnownAbsent(target: Target, reference: string): void {
    const absent = this.#absent.get(`${target.name}:${reference}`);
    if (absent !== undefined) throw absent;
  }

  #noteAbsence(target: Target, upstream: LiveUpstream, reference: string, error: unknown): unknown {
    if (error instanceof RequestError)
      this.#absent.put(`${target.name}:${reference}`, error, upstream.settings.negativeTtl);
    return error;
  }
}

/**
 * Network faults, refused tokens, 429 and 5xx, and a tag the upstream no longer has: what is held is better than nothing.
 * Wrong bytes are an attack or a defect, never a reason to look away.
 */
function mayServeStale(error: unknown): boolean {
  if (error instanceof RequestError) return error.code === 'MANIFEST_UNKNOWN' || error.code === 'NAME_UNKNOWN';
  return error instanceof UpstreamError && error.code !== 'UPSTREAM_FORBIDDEN_ADDRESS';
}

function reasonOf(error: unknown, upstream: LiveUpstream): string {
  if (error instanceof RequestError) return `${upstream.settings.name} no longer has this tag`;
  return error instanceof Error ? error.message : 'upstream failed';
}
