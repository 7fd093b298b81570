import { ContentError, MirrorError, RequestError, StorageError, UpstreamError } from '../errors.ts';
import type { Clock } from '../lib/clock.ts';
import { SingleFlight } from '../lib/concurrency.ts';
import type { Digest } from '../oci/digest.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { HashPool } from '../storage/hash-pool.ts';
import type { Layout } from '../storage/layout.ts';
import type { Leases } from '../storage/leases.ts';
import type { ManifestStore } from '../storage/manifest-store.ts';
import type { Repository, RepositoryStore } from '../storage/repository-store.ts';
import type { BlobAnswer } from '../upstream/client.types.ts';
import type { BlobSource } from './blob-source.ts';
import { Absences } from './absences.ts';
import { BlobFlight } from './blob-flight.ts';
import type { Download } from './download.ts';
import { PartialPlaces } from './partial-places.ts';
import type { PartialPlace } from './partial-places.ts';
import type { Room } from './room.ts';
import type { CacheEvents, LiveUpstream, Target, UpstreamLookup } from './targets.ts';

export interface BlobCacheParts {
  readonly blobs: BlobStore;
  readonly manifests: ManifestStore;
  readonly repositories: RepositoryStore;
  readonly layout: Layout;
  readonly hashes: HashPool;
  readonly upstreams: UpstreamLookup;
  readonly events: CacheEvents;
  readonly leases: Leases;
  readonly clock: Clock;
  readonly room: Room;
}

/** Blobs, local first: held → its file; in flight → the growing file; else one writer and many followers. */
export class BlobCache {
  readonly #parts: BlobCacheParts;
  /** The one to join, by digest. */
  readonly #downloads = new Map<Digest, Download>();
  /** All under way: one that is only passed on may have others of its digest beside it. */
  readonly #running = new Set<Download>();
  readonly #starting = new SingleFlight<Digest, Download>();
  readonly #absent: Absences<true>;
  readonly #places: PartialPlaces;

  constructor(parts: BlobCacheParts) {
    this.#parts = parts;
    this.#absent = new Absences(parts.clock);
    this.#places = new PartialPlaces(parts);
  }

  /** Downloads under way. */
  get active(): number {
    return this.#running.size;
  }

  /** Whether somebody works on what is stored of the blob so far. */
  isDownloading(digest: Digest): boolean {
    return this.#starting.has(digest) || [...this.#running].some(({ flight }) => flight.digest === digest);
  }

  /** Forgets remembered absences, e.g. after the upstreams changed. */
  forgetAbsences(): void {
    this.#absent.clear();
  }

  /**
   * Opens a blob of a repository for reading.
   * @throws RequestError (BLOB_UNKNOWN), UpstreamError
   */
  async open(
    target: Target,
    digest: Digest,
    signal: AbortSignal,
  ): Promise<{ readonly source: BlobSource; readonly cached: boolean }> {
    const repository = this.#parts.repositories.find(target.name);
    if (repository !== undefined && this.#mayServe(repository, digest)) {
      const held = await this.#openHeld(digest);
      if (held !== undefined) return { source: held, cached: true };
    }
    const upstream = this.#upstreamOf(target, digest);
    this.#refuseKnownAbsent(target, digest);
    if (this.#isOthers(target, digest) && !this.#isReferenced(repository, digest)) {
      // another repository has the bytes; this one may serve them only when its own upstream does
      await this.#confirm(target, upstream, digest, signal);
    }
    const held = await this.#openHeld(digest);
    if (held !== undefined) {
      this.#link(this.#ensureRepository(target), digest);
      return { source: held, cached: true };
    }
    // downloaded, and on its way into the store
    const cached = this.#downloads.get(digest)?.flight.isProved === true;
    const download = await this.#join(target, upstream, digest);
    return { source: this.#sourceOf(download), cached };
  }

  /** Whether the bytes are here, or on their way, for other repositories only. */
  #isOthers(target: Target, digest: Digest): boolean {
    const download = this.#downloads.get(digest);
    if (download !== undefined) return !download.askedFor.has(target.name);
    return this.#parts.blobs.sizeOf(digest) !== undefined;
  }

  /**
   * Size of a blob without moving its bytes: from the store, or by HEAD from the upstream.
   * @throws RequestError (BLOB_UNKNOWN), UpstreamError
   */
  async stat(
    target: Target,
    digest: Digest,
    signal: AbortSignal,
  ): Promise<{ readonly sizeBytes: number | undefined; readonly cached: boolean }> {
    const repository = this.#parts.repositories.find(target.name);
    const size = this.#parts.blobs.sizeOf(digest);
    if (repository !== undefined && size !== undefined && this.#mayServe(repository, digest))
      return { sizeBytes: size, cached: true };
    const flying = this.#downloads.get(digest);
    if (
      flying?.askedFor.has(target.name) === true &&
      flying.flight.receivedBytes > 0 &&
      flying.flight.sizeBytes !== undefined
    ) {
      return { sizeBytes: flying.flight.sizeBytes, cached: flying.flight.isProved };
    }
    const upstream = this.#upstreamOf(target, digest);
    this.#refuseKnownAbsent(target, digest);
    const answer = await this.#confirm(target, upstream, digest, signal);
    return { sizeBytes: answer ?? size, cached: false };
  }

  /** Waits for downloads to end, or aborts them after `graceMs`; what is on disk resumes next time. */
  async stop(graceMs: number): Promise<void> {
    const downloads = [...this.#running];
    const timer = setTimeout(() => {
      for (const download of downloads) download.flight.abort(new MirrorError('CANCELLED', 'the mirror is stopping'));
    }, graceMs);
    await Promise.allSettled(downloads.map((download) => download.done));
    clearTimeout(timer);
  }

  #mayServe(repository: Repository, digest: Digest): boolean {
    const mayServe = this.#parts.blobs.isLinked(repository.id, digest) || this.#linkReferenced(repository, digest);
    // nobody else has what was pushed here: whoever is told of it may count on it
    if (mayServe && repository.upstream === undefined) this.#parts.leases.note(digest);
    return mayServe;
  }

  /** A held blob that a manifest of this repository references belongs to it. */
  #linkReferenced(repository: Repository, digest: Digest): boolean {
    if (this.#parts.blobs.sizeOf(digest) === undefined || !this.#isReferenced(repository, digest)) return false;
    this.#link(repository, digest);
    return true;
  }

  #link(repository: Repository, digest: Digest): void {
    try {
      this.#parts.blobs.link(repository.id, digest, this.#parts.clock.now());
    } catch (error) {
      // a full disk: it may be served now, and is asked about again the next time
      this.#parts.events.warn('which repository a blob belongs to could not be kept', { digest, error: String(error) });
    }
  }

  #isReferenced(repository: Repository | undefined, digest: Digest): boolean {
    return repository !== undefined && this.#parts.manifests.referencedSize(repository.id, digest) !== undefined;
  }

  async #openHeld(digest: Digest): Promise<BlobSource | undefined> {
    const held = await this.#parts.blobs.open(digest);
    if (held === undefined) return undefined;
    let isDetached = false;
    return {
      kind: 'file',
      ...held,
      detach: () => {
        isDetached = true;
        return held.handle;
      },
      close: () => (isDetached ? Promise.resolve() : held.handle.close()),
    };
  }

  #upstreamOf(target: Target, digest: Digest): LiveUpstream {
    const upstream = this.#parts.upstreams.of(target);
    if (upstream === undefined) {
      // pushed, and on a disk that is not mounted: it is not unknown
      this.#parts.blobs.refuseMissing(digest);
      throw new RequestError('BLOB_UNKNOWN', `blob ${digest} is not in ${target.name}`, { value: digest });
    }
    if (this.#parts.upstreams.isOffline || upstream.settings.mode === 'offline') {
      this.#parts.blobs.refuseMissing(digest);
      throw new UpstreamError(
        'UPSTREAM_OFFLINE',
        `blob ${digest} is not held and ${upstream.settings.name} is switched offline`,
        { value: digest },
      );
    }
    upstream.client.hasten();
    return upstream;
  }

  #refuseKnownAbsent(target: Target, digest: Digest): void {
    if (this.#absent.get(`${target.name}@${digest}`) === undefined) return;
    throw new RequestError('BLOB_UNKNOWN', `blob ${digest} is not in ${target.name}`, { value: digest });
  }

  async #confirm(
    target: Target,
    upstream: LiveUpstream,
    digest: Digest,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    try {
      const head = await upstream.client.headBlob(target.upstreamRepository ?? target.name, digest, signal);
      return head.sizeBytes;
    } catch (error) {
      throw this.#noteAbsence(target, upstream, digest, error);
    }
  }

  #noteAbsence(target: Target, upstream: LiveUpstream, digest: Digest, error: unknown): unknown {
    if (error instanceof RequestError)
      this.#absent.put(`${target.name}@${digest}`, true, upstream.settings.negativeTtl);
    return error;
  }

  #ensureRepository(target: Target): Repository {
    return this.#parts.repositories.ensure(target.name, target, this.#parts.clock.now());
  }

  async #join(target: Target, upstream: LiveUpstream, digest: Digest): Promise<Download> {
    const running = this.#downloads.get(digest);
    const download =
      running?.flight.isJoinable === true
        ? running
        : await this.#starting.run(digest, () => this.#begin(target, upstream, digest));
    const isOwn = download.askedFor.has(target.name);
    download.askedFor.add(target.name);
    download.users += 1;
    try {
      await download.opened;
      // only now: a name that nobody has must not leave a repository behind
      download.repositoryIds.add(this.#ensureRepository(target).id);
      return download;
    } catch (error) {
      await this.#leave(download);
      // what the upstream of another repository says is not the last word about this one
      if (!isOwn && error instanceof RequestError) return this.#join(target, upstream, digest);
      throw this.#noteAbsence(target, upstream, digest, error);
    }
  }

  async #begin(target: Target, upstream: LiveUpstream, digest: Digest): Promise<Download> {
    const { blobs, manifests, hashes, clock, events } = this.#parts;
    const before = this.#downloads.get(digest);
    // what a failed download leaves behind, or takes away, must be settled before it is looked at
    if (before?.flight.hasFailed === true) await before.done;
    const isTaken = [...this.#running].some(
      (download) => download.flight.digest === digest && download.partial !== undefined,
    );
    const repository = this.#parts.repositories.find(target.name);
    const expectedBytes = repository === undefined ? undefined : manifests.referencedSize(repository.id, digest);
    const abort = new AbortController();
    // looked up each time: an upstream that was edited meanwhile has a new client, and the download goes on with it
    const fetch = (offset: number, signal: AbortSignal): Promise<BlobAnswer> =>
      (this.#parts.upstreams.of(target) ?? upstream).client.getBlob(
        target.upstreamRepository ?? target.name,
        digest,
        offset,
        signal,
      );
    const volume = blobs.volumeFor(target.name);
    const offset = isTaken ? 0 : blobs.partialBytes(digest, volume);
    const first =
      offset === 0 || offset !== expectedBytes ? { offset, answer: fetch(offset, abort.signal) } : undefined;
    first?.answer.catch(() => undefined);
    const place = isTaken ? undefined : await this.#places.open(digest, volume, expectedBytes);
    const partial = place?.partial;
    const flight = new BlobFlight({
      digest,
      expectedBytes,
      partial,
      hashes,
      clock,
      first,
      abort,
      fetch,
      maxResumes: upstream.settings.maxRetries,
      onFetched: (bytes) => {
        events.fetched(bytes);
      },
      onNotStored: (error) => {
        events.warn('the disk refused; passing content on without keeping it', { digest, error: error.message });
      },
    });
    return this.#launch(flight, target, place);
  }

  #launch(flight: BlobFlight, target: Target, place: PartialPlace | undefined): Download {
    const { promise: opened, resolve, reject } = Promise.withResolvers<undefined>();
    place?.reservation.track(() => flight.receivedBytes);
    const run = flight.run(() => {
      // the answer may tell a size that no manifest told
      place?.reservation.expect(flight.sizeBytes ?? 0);
      resolve(undefined);
    });
    const download: Download = {
      flight,
      askedFor: new Set([target.name]),
      repositoryIds: new Set(),
      opened,
      place,
      partial: place?.partial,
      users: 0,
      isOver: false,
      done: Promise.resolve(),
    };
    run.catch(reject);
    opened.catch(() => undefined);
    // the map entry goes only after commit, so that nobody starts a second download in between
    const done = run
      .then(
        () => this.#keep(download, target),
        (error: unknown) => this.#discard(download, error),
      )
      .finally(() => this.#end(download));
    const whole = Object.assign(download, { done });
    this.#downloads.set(flight.digest, whole);
    this.#running.add(whole);
    return whole;
  }

  async #keep(download: Download, target: Target): Promise<void> {
    const { flight, place, partial } = download;
    if (partial === undefined || !flight.isStored || !(await this.#places.hasRoom(flight, place))) {
      if (partial !== undefined) await this.#parts.blobs.removePartial(partial.path);
      return;
    }
    try {
      await this.#parts.blobs.commit(flight.digest, partial, download.repositoryIds, this.#parts.clock.now());
      this.#parts.events.changed(this.#ensureRepository(target));
    } catch (error) {
      this.#parts.events.warn('a verified blob could not be kept', { digest: flight.digest, error: String(error) });
    }
  }

  async #discard(download: Download, error: unknown): Promise<void> {
    const { flight } = download;
    if (download.partial === undefined) return;
    // wrong bytes are never kept; a break keeps what came, for Range
    if (
      error instanceof ContentError ||
      error instanceof StorageError ||
      !flight.isStored ||
      flight.receivedBytes === 0
    ) {
      await this.#parts.blobs.removePartial(download.partial.path);
    }
  }

  async #end(download: Download): Promise<void> {
    this.#running.delete(download);
    if (this.#downloads.get(download.flight.digest) === download) this.#downloads.delete(download.flight.digest);
    download.isOver = true;
    if (download.place !== undefined) this.#places.close(download.flight.digest, download.place);
    if (download.users === 0) await download.partial?.handle.close();
  }

  #sourceOf(download: Download): BlobSource {
    let isClosed = false;
    return {
      kind: 'flight',
      flight: download.flight,
      settled: download.done,
      sizeBytes: download.flight.sizeBytes,
      close: async () => {
        if (isClosed) return;
        isClosed = true;
        await this.#leave(download);
      },
    };
  }

  async #leave(download: Download): Promise<void> {
    download.users -= 1;
    if (download.users === 0 && download.isOver) await download.partial?.handle.close();
  }
}
