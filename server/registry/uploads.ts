import type { Admission } from '../cache/admit.ts';
import type { ChunkRange, UploadState, Uploads } from '../cache/uploads.ts';
import { RequestError } from '../errors.ts';
import type { RequestContext } from '../http/request-context.ts';
import type { Clock } from '../lib/clock.ts';
import { parseDigest } from '../oci/digest.ts';
import type { Digest, DigestAlgorithm } from '../oci/digest.ts';
import { parseRepositoryName } from '../oci/reference.ts';
import { bodyOf, wholeBodyOf } from './request-body.ts';
import { respondNothing } from './respond.ts';

export interface UploadEndpointParts {
  readonly uploads: Uploads;
  readonly admission: Admission;
  readonly clock: Clock;
  /** Name in the store of a repository as a client writes it; undefined when it leads nowhere. */
  readonly nameInStore: (context: RequestContext, repository: string) => string | undefined;
  /** Whether a blob may be had from a repository of the store, or, when none is named, from wherever it is. */
  readonly mayMount: (context: RequestContext, repository: string | undefined, digest: Digest) => Promise<boolean>;
}

/** What an upload request is about. */
export interface UploadRequest {
  /** As the client writes it, and in the store: repositories that accept pushes have one name. */
  readonly repository: string;
  readonly query: URLSearchParams;
}

/** `/v2/<name>/blobs/uploads/…` (distribution-spec end-4 to end-6, end-11, end-13, end-14). */
export class UploadEndpoint {
  readonly #parts: UploadEndpointParts;

  constructor(parts: UploadEndpointParts) {
    this.#parts = parts;
  }

  /** `POST`: begins an upload, takes a whole blob (`digest`), or mounts one (`mount`). */
  async begin(context: RequestContext, { repository, query }: UploadRequest): Promise<void> {
    const mount = query.get('mount');
    if (mount !== null && (await this.#mount(context, repository, parseDigest(mount), query.get('from')))) return;
    const digest = mount === null ? query.get('digest') : null;
    if (digest !== null) {
      const wanted = parseDigest(digest);
      await this.#parts.uploads.push(repository, wanted, wholeBodyOf(context.request));
      respondStored(context, repository, wanted);
      return;
    }
    const state = this.#parts.uploads.begin(repository, algorithmOf(query.get('digest-algorithm')));
    respondNothing(context, 202, stateHeaders(repository, state));
  }

  /** `GET`: how far it is. */
  status(context: RequestContext, { repository }: UploadRequest, id: string): void {
    respondNothing(context, 204, stateHeaders(repository, this.#parts.uploads.state(repository, id)));
  }

  /** `PATCH`: a piece. */
  async append(context: RequestContext, { repository }: UploadRequest, id: string): Promise<void> {
    const { request } = context;
    const step = { repository, id, body: bodyOf(request), range: readRange(request.headers['content-range']) };
    const state = await this.#outOfOrderTold(context, step, () => this.#parts.uploads.append(step));
    respondNothing(context, 202, stateHeaders(repository, state));
  }

  /** `PUT`: the last piece, if any, and the digest of the whole. */
  async finish(context: RequestContext, { repository, query }: UploadRequest, id: string): Promise<void> {
    const { request } = context;
    const digest = parseDigest(query.get('digest') ?? '');
    const step = { repository, id, body: bodyOf(request), range: readRange(request.headers['content-range']) };
    await this.#outOfOrderTold(context, step, () => this.#parts.uploads.finish(step, digest));
    respondStored(context, repository, digest);
  }

  /** `DELETE`: ends it. */
  async cancel(context: RequestContext, { repository }: UploadRequest, id: string): Promise<void> {
    await this.#parts.uploads.cancel(repository, id);
    respondNothing(context, 204, []);
  }

  async #mount(context: RequestContext, repository: string, digest: Digest, from: string | null): Promise<boolean> {
    const source =
      from === null || from === '' ? undefined : this.#parts.nameInStore(context, parseRepositoryName(from));
    if (source === undefined && from !== null && from !== '') return false;
    // what may not be pulled where it is must not be had by mounting it; the client uploads it then
    if (!(await this.#parts.mayMount(context, source, digest))) return false;
    const isMounted = await this.#parts.admission.mountBlob(repository, digest, source, this.#parts.clock.now());
    if (isMounted) respondStored(context, repository, digest);
    return isMounted;
  }

  /** A client whose piece does not fit is told where to go on. */
  async #outOfOrderTold<T>(
    context: RequestContext,
    step: { readonly repository: string; readonly id: string },
    work: () => Promise<T>,
  ): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof RequestError && error.code === 'RANGE_INVALID') {
        const headers = stateHeaders(step.repository, this.#parts.uploads.state(step.repository, step.id));
        for (let index = 0; index < headers.length; index += 2)
          context.response.setHeader(headers[index] ?? '', headers[index + 1] ?? '');
      }
      throw error;
    }
  }
}

function stateHeaders(repository: string, state: UploadState): string[] {
  return [
    'Location',
    `/v2/${repository}/blobs/uploads/${state.id}`,
    'Range',
    // nothing yet and one byte look the same; every registry writes it so
    `0-${String(Math.max(0, state.bytes - 1))}`,
    'Docker-Upload-UUID',
    state.id,
  ];
}

function respondStored(context: RequestContext, repository: string, digest: Digest): void {
  respondNothing(context, 201, ['Location', `/v2/${repository}/blobs/${digest}`, 'Docker-Content-Digest', digest]);
}

function algorithmOf(written: string | null): DigestAlgorithm {
  if (written === null || written === 'sha256') return 'sha256';
  if (written === 'sha512') return written;
  throw new RequestError(
    'DIGEST_INVALID',
    `digests by ${written.slice(0, 50)} are not supported; use sha256 or sha512`,
    {
      value: written.slice(0, 50),
    },
  );
}

/** distribution-spec "Pushing a blob in chunks": both ends inclusive; some clients write the unit before it. */
function readRange(header: string | undefined): ChunkRange | undefined {
  if (header === undefined) return undefined;
  const match = /^(?:bytes[ =])?(\d{1,15})-(\d{1,15})(?:\/(?:\d+|\*))?$/.exec(header.trim());
  const start = Number(match?.[1]);
  const end = Number(match?.[2]) + 1;
  if (match === null || end <= start)
    throw new RequestError(
      'BLOB_UPLOAD_INVALID',
      `Content-Range "${header.slice(0, 100)}" is not a range such as 0-1023`,
      {
        value: header.slice(0, 100),
      },
    );
  return { start, end };
}
