import { RequestError, UpstreamError } from '../errors.ts';
import { SingleFlight, within } from '../lib/concurrency.ts';
import type { Clock } from '../lib/clock.ts';
import type { Digest } from '../oci/digest.ts';
import { parseManifest } from '../oci/manifest.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { storageError } from '../db/database.ts';
import type { AnswerStore } from '../storage/answer-store.ts';
import type { ManifestStore } from '../storage/manifest-store.ts';
import type { Repository, RepositoryStore } from '../storage/repository-store.ts';
import type { TagStore } from '../storage/tag-store.ts';
import { isFresh } from './freshness.ts';
import type { LiveUpstream, Provenance, Target, UpstreamLookup } from './targets.ts';

/** Tags of one repository are followed to at most this many. */
const tagLimit = 100_000;
/** What is known is served stale when the upstream has not answered by then. */
const patienceMs = 2500;
const answerLimitMs = 60_000;

/** A descriptor of the referrers index, as it is written to the client. */
export interface ReferrerDescriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface DiscoveryCacheParts {
  readonly manifests: ManifestStore;
  readonly tags: TagStore;
  readonly answers: AnswerStore;
  readonly repositories: RepositoryStore;
  readonly upstreams: UpstreamLookup;
  readonly clock: Clock;
}

interface Question {
  readonly kind: 'tags' | 'referrers';
  /** Digest whose referrers are asked for. */
  readonly key: string;
  /** Whether there is something to answer with when the upstream fails. */
  readonly isSomeHeld: boolean;
}

interface Listing {
  readonly body: string | undefined;
  readonly provenance: Provenance;
}

/** Lists: what the upstream says, kept for the TTL and for when it is down, merged with what is held here. */
export class DiscoveryCache {
  readonly #parts: DiscoveryCacheParts;
  readonly #flights = new SingleFlight<string, string | undefined>();

  constructor(parts: DiscoveryCacheParts) {
    this.#parts = parts;
  }

  /**
   * All tags in lexical order (distribution-spec end-8a).
   * @throws RequestError (NAME_UNKNOWN), UpstreamError
   */
  async listTags(target: Target): Promise<{ readonly tags: readonly string[]; readonly provenance: Provenance }> {
    const repository = this.#parts.repositories.find(target.name);
    const held = repository === undefined ? [] : this.#parts.tags.list(repository.id);
    const upstream = this.#liveUpstream(target);
    if (upstream === undefined && repository === undefined) throw unknownName(target);
    const question = { kind: 'tags', key: '', isSomeHeld: held.length > 0 } as const;
    const listing = await this.#list(target, question, async ({ client }, signal) =>
      JSON.stringify(await client.listTags(target.upstreamRepository ?? target.name, tagLimit, signal)),
    );
    const known = listing.body === undefined ? [] : (JSON.parse(listing.body) as string[]);
    return { tags: [...new Set([...known, ...held])].sort(byBytes), provenance: listing.provenance };
  }

  /**
   * Every known referrer of a digest (end-12a): the upstream's and the ones held. An upstream that fails leaves what is
   * known, marked stale; where nothing is known it is an error, so that nobody concludes "unsigned" from an outage.
   * @throws UpstreamError
   */
  async listReferrers(
    target: Target,
    digest: Digest,
  ): Promise<{ readonly referrers: readonly ReferrerDescriptor[]; readonly provenance: Provenance }> {
    const repository = this.#parts.repositories.find(target.name);
    const held = repository === undefined ? [] : this.#heldReferrers(repository, digest);
    const question = { kind: 'referrers', key: digest, isSomeHeld: held.length > 0 } as const;
    const listing = await this.#list(target, question, async ({ client }, signal) => {
      const index = await client.getReferrers(target.upstreamRepository ?? target.name, digest, signal);
      return JSON.stringify(index === undefined ? [] : readIndex(index));
    });
    const known = listing.body === undefined ? [] : (JSON.parse(listing.body) as ReferrerDescriptor[]);
    const merged = new Map([...known, ...held].map((descriptor) => [descriptor.digest, descriptor]));
    return { referrers: [...merged.values()], provenance: listing.provenance };
  }

  async #list(
    target: Target,
    { kind, key, isSomeHeld }: Question,
    ask: (upstream: LiveUpstream, signal: AbortSignal) => Promise<string>,
  ): Promise<Listing> {
    const repository = this.#parts.repositories.find(target.name);
    const known = repository === undefined ? undefined : this.#parts.answers.find(repository.id, kind, key);
    const upstream = this.#liveUpstream(target);
    if (upstream === undefined) return { body: known?.body, provenance: { outcome: 'hit' } };
    if (known !== undefined && isFresh(known.checkedAt, upstream.settings.ttl, this.#parts.clock.now()))
      return { body: known.body, provenance: { outcome: 'hit' } };
    const flight = this.#flights.run(`${kind} ${target.name} ${key}`, async () => {
      const body = await ask(upstream, AbortSignal.timeout(answerLimitMs));
      this.#keep(target, kind, key, body);
      return body;
    });
    const maySettle = upstream.settings.staleIfError && (known !== undefined || isSomeHeld);
    if (!maySettle) return { body: await flight, provenance: { outcome: 'miss' } };
    return settle(flight, known?.body, upstream);
  }

  #keep(target: Target, kind: 'tags' | 'referrers', key: string, body: string): void {
    const now = this.#parts.clock.now();
    try {
      const { id } = this.#parts.repositories.ensure(target.name, target, now);
      if (id !== 0) this.#parts.answers.put(id, kind, key, body, now);
    } catch (error) {
      // it is asked for again the next time
      if (storageError(error, 'keeping a list').code !== 'STORAGE_FULL') throw error;
    }
  }

  #liveUpstream(target: Target): LiveUpstream | undefined {
    const upstream = this.#parts.upstreams.of(target);
    const isSilent = upstream?.settings.mode === 'offline' || upstream?.settings.onDemand === false;
    return this.#parts.upstreams.isOffline || isSilent ? undefined : upstream;
  }

  #heldReferrers(repository: Repository, digest: Digest): ReferrerDescriptor[] {
    return this.#parts.manifests.referrersOf(repository.id, digest).map((referrer) => {
      const { annotations } = parseManifest(referrer.content, referrer.mediaType);
      return {
        mediaType: referrer.mediaType,
        digest: referrer.digest,
        size: referrer.sizeBytes,
        ...(referrer.artifactType === undefined ? {} : { artifactType: referrer.artifactType }),
        ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
      };
    });
  }
}

/** The answer, or what is known when it takes too long or fails. */
async function settle(
  flight: Promise<string | undefined>,
  known: string | undefined,
  upstream: LiveUpstream,
): Promise<Listing> {
  try {
    const answered = await within(flight, patienceMs);
    if (answered !== undefined) return { body: answered.value, provenance: { outcome: 'miss' } };
    flight.catch(() => undefined);
    const reason = `${upstream.settings.name} has not answered for ${String(patienceMs / 1000)} s`;
    return { body: known, provenance: { outcome: 'stale', reason } };
  } catch (error) {
    if (!(error instanceof UpstreamError || error instanceof RequestError)) throw error;
    return { body: known, provenance: { outcome: 'stale', reason: error.message } };
  }
}

function unknownName(target: Target): RequestError {
  return new RequestError('NAME_UNKNOWN', `repository ${target.name} is not known here`, { value: target.name });
}

/** The upstream wrote this index; only well-formed descriptors are passed on. */
function readIndex(bytes: Buffer): ReferrerDescriptor[] {
  const index = parseManifest(bytes, mediaTypes.ociIndex);
  return index.manifests.map((descriptor) => ({
    mediaType: descriptor.mediaType,
    digest: descriptor.digest,
    size: descriptor.size,
    ...(descriptor.artifactType === undefined ? {} : { artifactType: descriptor.artifactType }),
    ...(descriptor.annotations === undefined ? {} : { annotations: descriptor.annotations }),
  }));
}

function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
