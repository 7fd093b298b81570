import type { Deletions } from '../cache/deletions.ts';
import type { RequestContext } from '../http/request-context.ts';
import type { Clock } from '../lib/clock.ts';
import type { Digest } from '../oci/digest.ts';
import type { Reference } from '../oci/reference.ts';
import { respondNothing } from './respond.ts';

/** `DELETE` of manifests, tags and blobs (distribution-spec end-9, end-10). */
export class DeleteEndpoint {
  readonly #deletions: Deletions;
  readonly #clock: Clock;

  constructor(deletions: Deletions, clock: Clock) {
    this.#deletions = deletions;
    this.#clock = clock;
  }

  /** Gives the digest of what was deleted. */
  async manifest(context: RequestContext, repository: string, reference: Reference): Promise<string> {
    const digest = await this.#deletions.deleteManifest(repository, reference, this.#clock.now());
    respondNothing(context, 202, []);
    return digest;
  }

  async blob(context: RequestContext, repository: string, digest: Digest): Promise<void> {
    await this.#deletions.deleteBlob(repository, digest);
    respondNothing(context, 202, []);
  }
}
