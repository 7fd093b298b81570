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
import { refuseHeld } from './held-tag.ts';
import { TagSightings } from './tag-sightings.ts';
import { asUpstreamFault, mayServeStale, reasonOf } from './stale.ts';
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

interface Fetched {
  readonly repository: Repository;
  readonly manifest: StoredManifest;
}

type PointedTag = Omit<Tag, 'heldSince'>;

/** What a check of a tag found. */
interface Checked {
  readonly tag: PointedTag;
  /** The tag's manifest when it had to be fetched; perhaps the disk refused to keep it. */
  readonly manifest: StoredManifest | undefined;
}

/** Manifests, local first: a digest held is never asked for, a tag only after its TTL, by one request for all who wait. */
export class ManifestCache {
  readonly #parts: ManifestCacheParts;
  readonly #checks = new SingleFlight<string, Checked>();
  readonly #fetches = new SingleFlight<string, Fetched>();
  readonly #absent: Absences<RequestError>;
  readonly #failed: Absences<Failure>;
  readonly #sightings: TagSightings;

  constructor(parts: ManifestCacheParts) {
    this.#parts = parts;
    this.#absent = new Absences(parts.clock);
    this.#failed = new Absences(parts.clock);
    this.#sightings = new TagSightings(parts.clock);
  }

  /** Forgets remembered absences and failed checks, e.g. after the upstreams changed or on "Retry now". */
  forgetAbsences(): void {
    this.#absent.clear();
    this.#failed.clear();
    this.#sightings.clear();
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
      if (head.digest !== undefined && reference.kind === 'tag') this.#noteTag(target, reference.tag, head.digest);
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
   * @throws UpstreamError, RequestError (CONFLICT when a person holds the tag where it is)
   */
  async refresh(target: Target, tag: string): Promise<{ readonly digest: Digest; readonly changed: boolean }> {
    const repository = this.#ensure(target);
    const before = this.#parts.tags.find(repository.id, tag);
    refuseHeld(target.name, before);
    const upstream = this.#upstreamOf(target, { kind: 'tag', tag });
    this.#absent.delete(`${target.name}:${tag}`);
    const { digest } = (await this.#checkOnce(target, upstream, repository, tag)).tag;
    return { digest, changed: digest !== before?.digest };
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
    const fetched = await this.#fetches.run(`${target.name}@${digest}`, () => this.#fetch(target, upstream, digest));
    for (const { tag, at } of this.#sightings.take(target.name, digest))
      this.#adoptTag(fetched.repository, tag, digest, at);
    return { ...fetched, provenance: { outcome: 'miss' }, freshUntil: Number.POSITIVE_INFINITY };
  }

  /** The upstream said where a tag points, and its manifest comes later, by digest, or is here under another tag. */
  #noteTag(target: Target, tag: string, digest: Digest): void {
    const repository = this.#parts.repositories.find(target.name);
    if (repository !== undefined && this.#findHeld(repository, digest) !== undefined)
      this.#adoptTag(repository, tag, digest, this.#parts.clock.now());
    else this.#sightings.note(target.name, tag, digest);
  }

  #adoptTag(repository: Repository, tag: string, digest: Digest, checkedAt: number): void {
    // somebody else's pull may have learnt something newer meanwhile; a manifest that could not be kept has no tag
    const known = this.#parts.tags.find(repository.id, tag);
    if ((known?.checkedAt ?? 0) > checkedAt || this.#findHeld(repository, digest) === undefined) return;
    this.#quietly('keeping a tag', () => {
      this.#point(repository, tag, digest, checkedAt);
    });
  }

  /** A manifest the repository holds, or that is held and one of its own indexes lists. */
  #findHeld(repository: Repository, digest: Digest): StoredManifest | undefined {
    const linked = this.#parts.manifests.findIn(repository.id, digest);
    if (linked !== undefined) return linked;
    // in a repository of pushed content only what was pushed there counts, and what was deleted stays deleted
    if (repository.upstream === undefined || this.#parts.manifests.isDeleted(repository.id, digest)) return undefined;
    const shared = this.#parts.manifests.find(digest);
    if (shared === undefined || this.#parts.manifests.referencedSize(repository.id, digest) === undefined)
      return undefined;
    this.#quietly('noting which repository a manifest belongs to', () => {
      this.#parts.manifests.link(repository.id, digest, this.#parts.clock.now());
    });
    return shared;
  }

  async #getByTag(target: Target, tag: string): Promise<ManifestResult> {
    const repository = this.#parts.repositories.find(target.name);
    const held = repository === undefined ? undefined : this.#parts.tags.find(repository.id, tag);
    if (repository === undefined || held === undefined) return this.#firstPull(target, tag);
    const upstream = this.#parts.upstreams.of(target);
    // pushed content has no upstream, a removed upstream is never asked again, and what a person rolled back stays
    if (upstream === undefined || held.checkedAt === undefined || held.heldSince !== undefined)
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
    const fetched = await this.#fetches.run(`${target.name}:${tag}`, () => this.#fetch(target, upstream, tag));
    const ttlMs = tagTtlMs({ settings: upstream.settings, isOffline: false }, target.name, tag);
    return { ...fetched, provenance: { outcome: 'miss' }, freshUntil: this.#parts.clock.now() + ttlMs };
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
        // the check goes on; meanwhile nobody else waits for it
        this.#noteFailure(target, upstream, held.name, reason);
        return await this.#answer(repository, held, { outcome: 'stale', reason }, 0);
      }
      const { tag, manifest } = answered.value;
      const outcome = tag.digest === held.digest ? 'hit' : 'miss';
      return await this.#answer(repository, tag, { outcome }, (tag.checkedAt ?? 0) + ttlMs, manifest);
    } catch (error) {
      if (!upstream.settings.staleIfError || !mayServeStale(error)) throw error;
      return this.#answer(repository, held, { outcome: 'stale', reason: reasonOf(error, upstream) }, 0);
    }
  }

  /** One check for everybody; a failure is remembered, so that the next pulls do not wait for the same thing again. */
  #checkOnce(target: Target, upstream: LiveUpstream, repository: Repository, tag: string): Promise<Checked> {
    const key = `${target.name}:${tag}`;
    return this.#checks.run(key, async () => {
      try {
        const checked = await this.#check(target, upstream, repository, tag);
        this.#failed.delete(key);
        return checked;
      } catch (error) {
        if (mayServeStale(error)) {
          this.#noteFailure(target, upstream, tag, reasonOf(error, upstream));
          this.#quietly('marking a tag stale', () => {
            this.#parts.tags.markStale(repository.id, tag, this.#parts.clock.now());
          });
        }
        throw error;
      }
    });
  }

  #noteFailure(target: Target, upstream: LiveUpstream, tag: string, reason: string): void {
    this.#failed.put(`${target.name}:${tag}`, { reason }, Math.min(upstream.settings.ttl, recheckMs));
  }

  /** Keeps what a full disk must not keep from being answered. */
  #quietly(what: string, write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#parts.events.warn(`${what} failed`, { error: String(error) });
    }
  }

  async #check(target: Target, upstream: LiveUpstream, repository: Repository, tag: string): Promise<Checked> {
    const signal = AbortSignal.timeout(checkLimitMs);
    const head = await upstream.client.headManifest(this.#nameOf(target), tag, signal);
    const now = this.#parts.clock.now();
    // another registry's idea of the tag must not replace what is held while the one that comes first is down
    if (head.trouble !== undefined && head.digest !== this.#parts.tags.find(repository.id, tag)?.digest)
      throw head.trouble;
    if (head.digest !== undefined && this.#findHeld(repository, head.digest) !== undefined) {
      const { digest } = head;
      this.#quietly('confirming a tag', () => {
        this.#point(repository, tag, digest, now);
      });
      return this.#checked(repository, { name: tag, digest, checkedAt: now }, undefined);
    }
    // by digest, so that a tag that moves between the two requests can't mix them up
    const answer = await upstream.client.getManifest(this.#nameOf(target), head.digest ?? tag, signal);
    const manifest = this.#admit(repository, answer, tag);
    return this.#checked(repository, { name: tag, digest: answer.digest, checkedAt: now }, manifest);
  }

  /** What the upstream said, unless a person put the tag elsewhere while it was asked. */
  #checked(repository: Repository, said: PointedTag, manifest: StoredManifest | undefined): Checked {
    const now = this.#parts.tags.find(repository.id, said.name);
    return now?.heldSince === undefined ? { tag: said, manifest } : { tag: now, manifest: undefined };
  }

  #point(repository: Repository, tag: string, digest: Digest, now: number): void {
    const before = this.#parts.tags.find(repository.id, tag);
    this.#parts.tags.put(repository.id, tag, digest, { now, checkedAt: now });
    if (before?.digest !== digest) this.#parts.events.changed(repository);
  }

  async #fetch(target: Target, upstream: LiveUpstream, reference: string): Promise<Fetched> {
    const signal = AbortSignal.timeout(checkLimitMs);
    try {
      const answer = await upstream.client.getManifest(this.#nameOf(target), reference, signal);
      // only now: a name that nobody has must not leave a repository behind
      const repository = this.#ensure(target);
      return { repository, manifest: this.#admit(repository, answer, isDigest(reference) ? undefined : reference) };
    } catch (error) {
      throw this.#noteAbsence(target, upstream, reference, asUpstreamFault(error, upstream));
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

  async #answer(
    repository: Repository,
    tag: PointedTag,
    provenance: Provenance,
    freshUntil: number,
    fetched?: StoredManifest,
  ): Promise<ManifestResult> {
    const manifest = fetched ?? this.#parts.manifests.find(tag.digest);
    if (manifest === undefined && repository.upstream !== undefined)
      // found damaged, and set aside
      return this.#getByDigest(repository, tag.digest, AbortSignal.timeout(checkLimitMs));
    if (manifest === undefined)
      throw new RequestError('MANIFEST_UNKNOWN', `manifest ${tag.digest} of tag ${tag.name} is not held`, {
        value: tag.name,
      });
    return { manifest, provenance, repository, freshUntil };
  }

  #ensure(target: Target): Repository {
    return this.#parts.repositories.ensure(target.name, target, this.#parts.clock.now());
  }

  #nameOf(target: Target): string {
    return target.upstreamRepository ?? target.name;
  }

  #upstreamOf(target: Target, reference: Reference): LiveUpstream {
    const what = `${target.name}${reference.kind === 'tag' ? ':' : '@'}${formatReference(reference)}`;
    const upstream = this.#parts.upstreams.of(target);
    if (upstream === undefined)
      throw new RequestError('MANIFEST_UNKNOWN', `manifest ${what} is not held`, { value: what });
    if (this.#parts.upstreams.isOffline || upstream.settings.mode === 'offline') {
      throw new UpstreamError(
        'UPSTREAM_OFFLINE',
        `${what} is not held and ${upstream.settings.name} is switched offline`,
        { value: what },
      );
    }
    upstream.client.hasten();
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
