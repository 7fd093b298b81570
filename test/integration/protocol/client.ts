import { createHash } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll } from 'vitest';
import type { SettingsInput } from '../../../server/config/schema.ts';
import type { Seen } from '../../support/ask.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import type { FakeUpstream } from '../../support/fake-upstream/upstream.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import type { TempMirror } from '../../support/temp-mirror.ts';

export interface Sending {
  readonly body?: Buffer | string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Without its length. */
  readonly chunked?: boolean;
  /** Sends so much of the body, and breaks the connection when `when` resolves. */
  readonly broken?: { readonly after: number; readonly when: () => Promise<void> };
}

/** One request with a body, on its own connection. */
export function send(method: string, url: string, { body, headers, chunked, broken }: Sending = {}): Promise<Seen> {
  const bytes = Buffer.from(body ?? '');
  return new Promise((resolve, reject) => {
    const isBare = chunked === true || (body === undefined && method === 'GET');
    const length = isBare ? {} : { 'content-length': String(bytes.length) };
    const request = httpRequest(url, { method, agent: false, headers: { ...length, ...headers } }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(parts),
          broken: undefined,
        }),
      );
      response.on('error', reject);
    });
    request.on('error', reject);
    if (chunked === true) request.write(bytes);
    if (broken === undefined) {
      request.end(chunked === true ? undefined : bytes);
      return;
    }
    request.write(bytes.subarray(0, broken.after));
    void broken.when().then(() => request.destroy(new Error('broken')));
  });
}

export function digestOf(bytes: Buffer | string, algorithm = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

/** Codes of an error answer. */
export function codes(seen: Seen): readonly string[] {
  const { errors } = JSON.parse(seen.body.toString()) as { errors: { code: string }[] };
  return errors.map(({ code }) => code);
}

export const ociManifest = 'application/vnd.oci.image.manifest.v1+json';
export const ociIndex = 'application/vnd.oci.image.index.v1+json';

/** The mirror of a test file, over an upstream that has nothing unless a test adds it. */
export class Registry {
  #mirror: TempMirror | undefined;
  #upstream: FakeUpstream | undefined;

  /** Starts it before, and stops it after, all tests of the file. */
  constructor(settings: SettingsInput = {}) {
    beforeAll(async () => {
      this.#upstream = await startFakeUpstream();
      this.#mirror = await startTempMirror({ upstream: this.#upstream, settings });
    });
    afterAll(async () => {
      await this.mirror.stop();
      await this.upstream.stop();
    });
  }

  get mirror(): TempMirror {
    return this.#mirror!;
  }

  get upstream(): FakeUpstream {
    return this.#upstream!;
  }

  /** `path` without `/v2/`; a `Location` as it was answered. */
  send(method: string, path: string, sending?: Sending): Promise<Seen> {
    return send(method, this.mirror.url + (path.startsWith('/') ? path : `/v2/${path}`), sending);
  }

  /** Begins an upload; its address. */
  async begin(repository: string, query = ''): Promise<string> {
    const { status, headers } = await this.send('POST', `${repository}/blobs/uploads/${query}`);
    if (status !== 202) throw new Error(`not begun: ${String(status)}`);
    return headers.location!;
  }

  async pushBlob(repository: string, bytes: Buffer | string): Promise<string> {
    const digest = digestOf(bytes);
    const { status, body } = await this.send('POST', `${repository}/blobs/uploads/?digest=${digest}`, { body: bytes });
    if (status !== 201) throw new Error(`not pushed: ${String(status)} ${body.toString()}`);
    return digest;
  }

  putManifest(repository: string, reference: string, manifest: unknown, mediaType = ociManifest): Promise<Seen> {
    const body = typeof manifest === 'string' ? manifest : JSON.stringify(manifest);
    return this.send('PUT', `${repository}/manifests/${reference}`, { body, headers: { 'content-type': mediaType } });
  }

  /** Pushes an image of one layer; `extra` goes into the manifest. */
  async pushImage(
    repository: string,
    tag: string,
    layer: string,
    extra: Readonly<Record<string, unknown>> = {},
  ): Promise<PushedImage> {
    const config = `{"of":"${layer}"}`;
    const [configDigest, layerDigest] = [
      await this.pushBlob(repository, config),
      await this.pushBlob(repository, layer),
    ];
    const text = JSON.stringify({
      ...imageOf({ digest: configDigest, size: config.length }, { digest: layerDigest, size: layer.length }),
      ...extra,
    });
    const answer = await this.putManifest(repository, tag, text);
    if (answer.status !== 201) throw new Error(`not pushed: ${String(answer.status)} ${answer.body.toString()}`);
    return { text, digest: digestOf(text), layer: layerDigest, config: configDigest, answer };
  }
}

export interface PushedImage {
  readonly text: string;
  readonly digest: string;
  readonly layer: string;
  readonly config: string;
  readonly answer: Seen;
}

interface Named {
  readonly digest: string;
  readonly size: number;
}

export function imageOf(config: Named, ...layers: readonly Named[]): Readonly<Record<string, unknown>> {
  return {
    schemaVersion: 2,
    mediaType: ociManifest,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
    layers: layers.map((layer) => ({ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...layer })),
  };
}

export function indexOf(...manifests: readonly Named[]): Readonly<Record<string, unknown>> {
  return {
    schemaVersion: 2,
    mediaType: ociIndex,
    manifests: manifests.map((manifest) => ({ mediaType: ociManifest, ...manifest })),
  };
}
