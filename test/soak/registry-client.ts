import { request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { bytesOf } from '../support/content.ts';
import type { Content } from '../support/content.ts';

/** The registry was not there, or went away before it answered. */
export class Unreachable extends Error {}

/** It answered what it must not. */
export class Broken extends Error {}

/** A manifest was refused although its blobs were there when they were asked for, too long ago to count on it. */
export class TooLate extends Error {}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Ways in which clients bring a blob. */
export type BlobRoute = 'head' | 'mount' | 'post' | 'chunked';

/** A client of the registry, as plain as the protocol. */
export class RegistryClient {
  readonly #base: string;

  constructor(base: string) {
    this.#base = base;
  }

  /** @throws Unreachable */
  async ask(
    method: string,
    path: string,
    body?: Buffer,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Reply> {
    try {
      const url = new URL(path, this.#base);
      const answer = await fetch(url, {
        method,
        headers,
        ...(body === undefined ? {} : { body: new Uint8Array(body) }),
      });
      return { status: answer.status, headers: answer.headers, text: await answer.text() };
    } catch (error) {
      throw new Unreachable(`${method} ${path}`, { cause: error });
    }
  }

  /**
   * Makes sure that a repository has a blob.
   * @throws Unreachable, Broken
   */
  async bring(
    blob: { readonly repository: string; readonly digest: string; readonly content: Content },
    route: BlobRoute,
    from: string,
  ): Promise<void> {
    const { repository, digest } = blob;
    const uploads = `/v2/${repository}/blobs/uploads/`;
    const bytes = bytesOf(blob.content);
    if (route === 'head') {
      const { status } = await this.ask('HEAD', `/v2/${repository}/blobs/${digest}`);
      if (status === 200) return;
      expectStatus('HEAD of a blob', status, 404);
    }
    if (route === 'post') {
      const { status, text } = await this.ask('POST', `${uploads}?digest=${digest}`, bytes);
      expectStatus(`POST of ${digest} ${text}`, status, 201);
      return;
    }
    const begun = await this.ask('POST', route === 'mount' ? `${uploads}?mount=${digest}&from=${from}` : uploads);
    if (route === 'mount' && begun.status === 201) return;
    expectStatus(`POST of an upload ${begun.text}`, begun.status, 202);
    await this.#finish(begun.headers.get('location') ?? '', digest, bytes, route === 'chunked');
  }

  async #finish(location: string, digest: string, bytes: Buffer, isChunked: boolean): Promise<void> {
    const half = isChunked ? Math.floor(bytes.length / 2) : 0;
    if (half > 0) {
      const { status, text } = await this.ask('PATCH', location, bytes.subarray(0, half), {
        'content-range': `0-${String(half - 1)}`,
      });
      expectStatus(`PATCH ${text}`, status, 202);
    }
    const { status, text } = await this.ask('PUT', `${location}?digest=${digest}`, bytes.subarray(half));
    expectStatus(`PUT of ${digest} ${text}`, status, 201);
  }

  /** Begins an upload and gives it up: says so, says nothing, or breaks the connection. @throws Unreachable, Broken */
  async giveUp(repository: string, how: 'cancelled' | 'forgotten' | 'cut'): Promise<void> {
    const begun = await this.ask('POST', `/v2/${repository}/blobs/uploads/`);
    expectStatus('POST of an upload', begun.status, 202);
    const location = begun.headers.get('location') ?? '';
    const bytes = Buffer.alloc(50_000, how);
    if (how === 'cut') {
      await this.#cut(location, bytes);
      return;
    }
    expectStatus('PATCH', (await this.ask('PATCH', location, bytes)).status, 202);
    if (how === 'cancelled') expectStatus('DELETE of an upload', (await this.ask('DELETE', location)).status, 204);
  }

  async #cut(location: string, bytes: Buffer): Promise<void> {
    const url = new URL(location, this.#base);
    const outgoing = request(url, { method: 'PATCH', headers: { 'content-length': bytes.length * 2 }, agent: false });
    const closed = new Promise<void>((resolve) => outgoing.once('close', resolve));
    outgoing.once('error', () => undefined);
    outgoing.write(bytes);
    await wait(20);
    outgoing.destroy();
    await closed;
  }
}

/** @throws Broken */
export function expectStatus(what: string, status: number, wanted: number): void {
  if (status !== wanted) throw new Broken(`${what} answered ${String(status)} instead of ${String(wanted)}`);
}
