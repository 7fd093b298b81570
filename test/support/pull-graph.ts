import { createHash } from 'node:crypto';
import { algorithmOf, digestOf, isDigest } from '../../server/oci/digest.ts';
import type { Digest } from '../../server/oci/digest.ts';
import { parseManifest } from '../../server/oci/manifest.ts';
import type { Descriptor } from '../../server/oci/manifest.ts';
import { manifestAccept } from '../../server/oci/media-types.ts';
import { parseArtifactName } from '../../server/oci/reference.ts';

/** What a pull brought, every byte checked. */
export interface PulledGraph {
  readonly digest: Digest;
  readonly mediaType: string;
  /** The top manifest's bytes. */
  readonly bytes: Buffer;
  /** Every manifest, the top one first. */
  readonly manifests: readonly Digest[];
  /** Blobs in the order they were read. */
  readonly blobs: readonly Digest[];
  readonly blobBytes: number;
  /** Headers of the top manifest's answer. */
  readonly headers: Headers;
}

export interface PullOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Appended to every request, e.g. `ns=ghcr.io`. */
  readonly query?: string;
  /** Children of an index that are pulled; default: all. */
  readonly platforms?: (descriptor: Descriptor) => boolean;
}

/** A pull answered with something else than 200. */
export class PullError extends Error {
  readonly status: number;
  /** First code of the OCI error document. */
  readonly code: string | undefined;

  constructor(path: string, status: number, code: string | undefined) {
    super(`${path} answered ${String(status)} ${code ?? ''}`);
    this.status = status;
    this.code = code;
  }
}

/**
 * Pulls `repository:tag` or `repository@digest` with everything below it and fails on the first byte, length or header
 * that is not what its digest promises.
 * @throws PullError
 */
export async function pullGraph(baseUrl: string, name: string, options: PullOptions = {}): Promise<PulledGraph> {
  const { repository, reference } = parseArtifactName(name);
  const pull = new Pull(baseUrl, repository, options);
  return pull.run(reference.kind === 'tag' ? reference.tag : reference.digest);
}

class Pull {
  readonly #base: string;
  readonly #options: PullOptions;
  readonly #manifests: Digest[] = [];
  readonly #blobs: Digest[] = [];
  #blobBytes = 0;

  constructor(baseUrl: string, repository: string, options: PullOptions) {
    this.#base = `${baseUrl}/v2/${repository}`;
    this.#options = options;
  }

  async run(reference: string): Promise<PulledGraph> {
    const top = await this.#manifest(reference, undefined);
    return { ...top, manifests: this.#manifests, blobs: this.#blobs, blobBytes: this.#blobBytes };
  }

  async #manifest(
    reference: string,
    expected: Descriptor | undefined,
  ): Promise<Pick<PulledGraph, 'digest' | 'mediaType' | 'bytes' | 'headers'>> {
    const answer = await this.#get(`manifests/${reference}`);
    const bytes = Buffer.from(await answer.arrayBuffer());
    const digest = digestOf(bytes, isDigest(reference) ? algorithmOf(reference) : 'sha256');
    const mediaType = answer.headers.get('content-type') ?? '';
    if (isDigest(reference)) same('digest', digest, reference);
    same('Docker-Content-Digest', answer.headers.get('docker-content-digest'), digest);
    if (expected !== undefined) same('Content-Type', mediaType, expected.mediaType);
    this.#manifests.push(digest);
    const manifest = parseManifest(bytes, mediaType);
    for (const child of manifest.manifests) {
      if (this.#options.platforms?.(child) !== false) await this.#manifest(child.digest, child);
    }
    for (const blob of [...(manifest.config === undefined ? [] : [manifest.config]), ...manifest.layers])
      await this.#blob(blob);
    return { digest, mediaType, bytes, headers: answer.headers };
  }

  async #blob({ digest, size }: Descriptor): Promise<void> {
    if (this.#blobs.includes(digest)) return;
    const answer = await this.#get(`blobs/${digest}`);
    const hash = createHash(algorithmOf(digest));
    let length = 0;
    for await (const piece of answer.body ?? []) {
      hash.update(piece as Uint8Array);
      length += (piece as Uint8Array).length;
    }
    same('digest', `${algorithmOf(digest)}:${hash.digest('hex')}`, digest);
    same('length', length, size);
    this.#blobs.push(digest);
    this.#blobBytes += length;
  }

  async #get(path: string): Promise<Response> {
    const query = this.#options.query === undefined ? '' : `?${this.#options.query}`;
    const answer = await fetch(`${this.#base}/${path}${query}`, {
      headers: { accept: manifestAccept, ...this.#options.headers },
    });
    if (answer.status === 200) return answer;
    throw new PullError(path, answer.status, codeOf(await answer.text()));
  }
}

/** The first code of an OCI error document, or undefined when it is none. */
export function codeOf(text: string): string | undefined {
  try {
    const document = JSON.parse(text) as { readonly errors?: readonly { readonly code?: string }[] };
    return document.errors?.[0]?.code;
  } catch {
    return undefined;
  }
}

function same(what: string, got: unknown, wanted: unknown): void {
  if (got !== wanted) throw new Error(`${what} is ${String(got)}, expected ${String(wanted)}`);
}
