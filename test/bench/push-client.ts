import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { Agent, request } from 'node:http';

/** Bytes that are sent one after the other; large ones are shared between contents. */
type Pieces = readonly Buffer[];

/** Content and its digest. */
interface Content {
  readonly pieces: Pieces;
  readonly digest: string;
  readonly sizeBytes: number;
}

/** An image that is ready to be pushed: nothing is computed while somebody measures. */
export interface PushImage {
  readonly repository: string;
  readonly layer: Content;
  readonly config: Content;
  readonly manifest: Content;
}

/** A status, and where the answer points. */
interface PushAnswer {
  readonly status: number;
  readonly location: string | undefined;
}

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const configType = 'application/vnd.oci.image.config.v1+json';
const layerType = 'application/vnd.oci.image.layer.v1.tar';
/** Enough to make a layer different from every other one. */
const headBytes = 16;

/** Images of one random layer each, no two alike, in a repository each. */
export function buildPushImages(count: number, layerBytes: number): readonly PushImage[] {
  const cipher = createCipheriv('aes-128-ctr', randomBytes(16), Buffer.alloc(16));
  const tail = cipher.update(Buffer.alloc(layerBytes - headBytes));
  return Array.from({ length: count }, () => buildPushImage(tail));
}

function buildPushImage(tail: Buffer): PushImage {
  const head = randomBytes(headBytes);
  const name = head.toString('hex');
  const layer = contentOf([head, tail]);
  const rootfs = { type: 'layers', diff_ids: [layer.digest] };
  const config = contentOf([Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs }))]);
  const manifest = {
    schemaVersion: 2,
    mediaType: manifestType,
    config: { mediaType: configType, digest: config.digest, size: config.sizeBytes },
    layers: [{ mediaType: layerType, digest: layer.digest, size: layer.sizeBytes }],
  };
  return {
    repository: `bench/push-${name}`,
    layer,
    config,
    manifest: contentOf([Buffer.from(JSON.stringify(manifest))]),
  };
}

function contentOf(pieces: Pieces): Content {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  const sizeBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return { pieces, digest: `sha256:${hash.digest('hex')}`, sizeBytes };
}

/** Pushes images to one registry as clients do, over connections that are kept. */
export class PushClient {
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(url: string) {
    this.#url = url;
  }

  /** Pushes all of them, `clients` at a time, each its layer, its config and its manifest one after the other. */
  async pushAll(images: readonly PushImage[], clients: number): Promise<void> {
    const waiting = images.values();
    const drain = async (): Promise<void> => {
      for (const image of waiting) await this.push(image);
    };
    await Promise.all(Array.from({ length: clients }, drain));
  }

  /** Pushes one image; rejects unless every step is acknowledged. */
  async push(image: PushImage): Promise<void> {
    await this.#pushBlob(image.repository, image.layer);
    await this.#pushBlob(image.repository, image.config);
    const target = new URL(`${this.#url}/v2/${image.repository}/manifests/1`);
    await this.#expect(201, 'PUT', target, { content: image.manifest, type: manifestType });
  }

  close(): void {
    this.#agent.destroy();
  }

  async #pushBlob(repository: string, content: Content): Promise<void> {
    const begun = await this.#expect(202, 'POST', new URL(`${this.#url}/v2/${repository}/blobs/uploads/`));
    const target = new URL(begun.location ?? '', this.#url);
    target.searchParams.set('digest', content.digest);
    await this.#expect(201, 'PUT', target, { content, type: 'application/octet-stream' });
  }

  async #expect(
    status: number,
    method: string,
    target: URL,
    sent?: { readonly content: Content; readonly type: string },
  ): Promise<PushAnswer> {
    const answer = await this.#send(method, target, sent);
    if (answer.status === status) return answer;
    throw new Error(`${method} ${target.pathname}: status ${answer.status}, not ${status}`);
  }

  #send(method: string, target: URL, sent?: { readonly content: Content; readonly type: string }): Promise<PushAnswer> {
    const headers = {
      'content-length': sent?.content.sizeBytes ?? 0,
      ...(sent === undefined ? {} : { 'content-type': sent.type }),
    };
    return new Promise((resolve, reject) => {
      const outgoing = request(target, { method, agent: this.#agent, headers }, (response) => {
        response.resume();
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, location: response.headers.location }));
      });
      outgoing.on('error', reject);
      for (const piece of sent?.content.pieces ?? []) outgoing.write(piece);
      outgoing.end();
    });
  }
}
