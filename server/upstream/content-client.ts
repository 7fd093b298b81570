import { RequestError, UpstreamError } from '../errors.ts';
import type { Digest } from '../oci/digest.ts';
import { isDigest } from '../oci/digest.ts';
import type { BlobAnswer, ManifestAnswer, ManifestHead, UpstreamClient } from './client.types.ts';

/** One upstream that may have a repository, and what of it may be fetched. */
export interface ContentLink {
  readonly client: UpstreamClient;
  /** The repository's name there. */
  readonly repository: string;
  /** Why nothing at all is fetched, as a sentence's end; undefined when something may be. */
  readonly closed: string | undefined;
  /** Why a tag is not fetched, to follow its name; undefined when it is. */
  refusal(tag: string): string | undefined;
}

/**
 * The upstreams of one repository by content rules, asked in order as if they were one; the names its methods are given
 * count for nothing, each upstream has its own. What the rules leave out is "not found", with the rule in the message.
 */
export class ContentClient implements UpstreamClient {
  readonly name: string;
  readonly #first: UpstreamClient;
  readonly #links: readonly ContentLink[];

  constructor(first: UpstreamClient, links: readonly ContentLink[]) {
    this.name = first.name;
    this.#first = first;
    this.#links = links;
  }

  async headManifest(_repository: string, reference: string, signal: AbortSignal): Promise<ManifestHead> {
    const failures = new Failures();
    const ask = (link: ContentLink): Promise<ManifestHead> =>
      link.client.headManifest(link.repository, reference, signal);
    const head = await this.#ask('MANIFEST_UNKNOWN', reference, ask, failures);
    return failures.trouble === undefined ? head : { ...head, trouble: failures.trouble };
  }

  getManifest(_repository: string, reference: string, signal: AbortSignal): Promise<ManifestAnswer> {
    return this.#ask('MANIFEST_UNKNOWN', reference, (link) =>
      link.client.getManifest(link.repository, reference, signal),
    );
  }

  headBlob(_repository: string, digest: Digest, signal: AbortSignal): ReturnType<UpstreamClient['headBlob']> {
    return this.#ask('BLOB_UNKNOWN', digest, (link) => link.client.headBlob(link.repository, digest, signal));
  }

  getBlob(_repository: string, digest: Digest, offset: number, signal: AbortSignal): Promise<BlobAnswer> {
    return this.#ask('BLOB_UNKNOWN', digest, (link) => link.client.getBlob(link.repository, digest, offset, signal));
  }

  /** The tags of all that answer, without those that may not be fetched. */
  async listTags(_repository: string, limit: number, signal: AbortSignal): Promise<readonly string[]> {
    const lists = await this.#askAll(async (link) => {
      const tags = await link.client.listTags(link.repository, limit, signal);
      return tags.filter((tag) => link.refusal(tag) === undefined);
    });
    return [...new Set(lists.flat())].slice(0, limit);
  }

  /** The first that has any: an upstream without the image truthfully lists none. */
  async getReferrers(_repository: string, digest: Digest, signal: AbortSignal): Promise<Buffer | undefined> {
    const answers = await this.#askAll((link) => link.client.getReferrers(link.repository, digest, signal));
    return answers.find((answer) => hasManifests(answer)) ?? answers.find((answer) => answer !== undefined);
  }

  health(): ReturnType<UpstreamClient['health']> {
    return this.#first.health();
  }

  hasten(): void {
    for (const { client } of this.#links) client.hasten();
  }

  retryNow(): void {
    for (const { client } of this.#links) client.retryNow();
  }

  test(...parameters: Parameters<UpstreamClient['test']>): ReturnType<UpstreamClient['test']> {
    return this.#first.test(...parameters);
  }

  /** The upstreams are not its own. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  async #ask<T>(
    code: 'MANIFEST_UNKNOWN' | 'BLOB_UNKNOWN',
    reference: string,
    ask: (link: ContentLink) => Promise<T>,
    failures = new Failures(),
  ): Promise<T> {
    for (const link of this.#links) {
      const refusal = refusalOf(link, reference);
      if (refusal !== undefined) {
        failures.refused(code, reference, `${reference} of ${link.repository} is not fetched: ${refusal}`);
        continue;
      }
      try {
        return await ask(link);
      } catch (error) {
        failures.note(error);
      }
    }
    throw failures.worst(code, reference);
  }

  async #askAll<T>(ask: (link: ContentLink) => Promise<T>): Promise<T[]> {
    const failures = new Failures();
    const answers: T[] = [];
    for (const link of this.#links) {
      if (link.closed !== undefined) {
        failures.refused('NAME_UNKNOWN', link.repository, `${link.repository} is not fetched: ${link.closed}`);
        continue;
      }
      try {
        answers.push(await ask(link));
      } catch (error) {
        failures.note(error);
      }
    }
    // part of the truth is no truth: what one upstream could not say is not concluded from the others
    if (answers.length === 0 || failures.trouble !== undefined) throw failures.worst('NAME_UNKNOWN', this.name);
    return answers;
  }
}

/** A digest says exactly what is wanted, so tag filters are not about it. */
function refusalOf(link: ContentLink, reference: string): string | undefined {
  if (link.closed !== undefined) return link.closed;
  const refusal = isDigest(reference) ? undefined : link.refusal(reference);
  return refusal === undefined ? undefined : `the tag ${refusal}`;
}

/** What went wrong on the way; an upstream in trouble outweighs one that says "not found", and that a refusal. */
class Failures {
  #trouble: UpstreamError | undefined;
  #absent: RequestError | undefined;
  #refused: RequestError | undefined;

  get trouble(): UpstreamError | undefined {
    return this.#trouble;
  }

  refused(code: 'MANIFEST_UNKNOWN' | 'BLOB_UNKNOWN' | 'NAME_UNKNOWN', value: string, message: string): void {
    this.#refused ??= new RequestError(code, message, { value });
  }

  /** @throws what is not about the upstream: wrong bytes, a client that left, a bug */
  note(error: unknown): void {
    if (error instanceof UpstreamError) this.#trouble ??= error;
    else if (error instanceof RequestError) this.#absent ??= error;
    else throw error;
  }

  worst(code: 'MANIFEST_UNKNOWN' | 'BLOB_UNKNOWN' | 'NAME_UNKNOWN', value: string): Error {
    return (
      this.#trouble ?? this.#absent ?? this.#refused ?? new RequestError(code, `${value} has no upstream`, { value })
    );
  }
}

function hasManifests(index: Buffer | undefined): boolean {
  if (index === undefined) return false;
  try {
    const read: unknown = JSON.parse(index.toString('utf8'));
    return (
      typeof read === 'object' &&
      read !== null &&
      'manifests' in read &&
      Array.isArray(read.manifests) &&
      read.manifests.length > 0
    );
  } catch {
    // nonsense is passed on, so that whoever reads it says so
    return true;
  }
}
