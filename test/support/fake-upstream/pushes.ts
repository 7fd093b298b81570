import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { digestOf, isDigest } from '../../../server/oci/digest.ts';
import { RequestError } from '../../../server/errors.ts';
import { parseManifest } from '../../../server/oci/manifest.ts';
import type { Manifest } from '../../../server/oci/manifest.ts';
import { contentOf } from '../content.ts';
import { errorAnswer } from './answer.ts';
import type { Answer } from './answer.ts';
import type { ContentStore, Repository } from './content-store.ts';
import type { RecordedRequest } from './request-log.ts';

/** Takes pushes into the store, so that any client can load an upstream (distribution-spec end-4 to end-9). */
export class Pushes {
  readonly #store: ContentStore;
  readonly #uploads = new Map<string, Buffer[]>();

  constructor(store: ContentStore) {
    this.#store = store;
  }

  async answer(request: IncomingMessage, record: RecordedRequest): Promise<Answer> {
    const body = await bodyOf(request);
    const repository = this.#store.open(record.repository ?? '');
    if (record.kind === 'manifest' && record.method === 'PUT')
      return putManifest(record, repository, body, request.headers['content-type']);
    if (record.kind === 'manifest' && record.method === 'DELETE') return deleteManifest(record, repository);
    if (record.kind === 'upload') return this.#upload(record, repository, body);
    return errorAnswer(405);
  }

  #upload(record: RecordedRequest, repository: Repository, body: Buffer): Answer {
    const query = new URL(record.url, 'http://upstream').searchParams;
    if (record.method === 'POST') return this.#start(record, repository, body, query);
    const id = record.reference ?? '';
    const parts = this.#uploads.get(id);
    if (parts === undefined) return errorAnswer(404, 'BLOB_UPLOAD_UNKNOWN');
    if (body.length > 0) parts.push(body);
    if (record.method === 'PUT') {
      this.#uploads.delete(id);
      return putBlob(record, repository, Buffer.concat(parts), query.get('digest'));
    }
    return record.method === 'PATCH' || record.method === 'GET' ? uploadAnswer(record, id, parts) : errorAnswer(405);
  }

  #start(record: RecordedRequest, repository: Repository, body: Buffer, query: URLSearchParams): Answer {
    const digest = query.get('digest');
    if (digest !== null) return putBlob(record, repository, body, digest);
    const mount = query.get('mount') ?? '';
    const mounted = isDigest(mount) ? this.#store.find(query.get('from') ?? '')?.blobs.get(mount) : undefined;
    if (isDigest(mount) && mounted !== undefined) {
      repository.blobs.set(mount, mounted);
      return created(`/v2/${record.repository ?? ''}/blobs/${mount}`, mount);
    }
    const id = randomUUID();
    this.#uploads.set(id, []);
    return uploadAnswer(record, id, []);
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

function uploadAnswer(record: RecordedRequest, id: string, parts: readonly Buffer[]): Answer {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  return {
    status: record.method === 'GET' ? 204 : 202,
    headers: {
      location: `/v2/${record.repository ?? ''}/blobs/uploads/${id}`,
      range: `0-${String(Math.max(0, size - 1))}`,
      'docker-upload-uuid': id,
    },
  };
}

function putBlob(record: RecordedRequest, repository: Repository, bytes: Buffer, digest: string | null): Answer {
  if (
    digest === null ||
    !isDigest(digest) ||
    digestOf(bytes, digest.startsWith('sha512') ? 'sha512' : 'sha256') !== digest
  )
    return errorAnswer(400, 'DIGEST_INVALID');
  repository.blobs.set(digest, contentOf(bytes));
  return created(`/v2/${record.repository ?? ''}/blobs/${digest}`, digest);
}

function putManifest(
  record: RecordedRequest,
  repository: Repository,
  bytes: Buffer,
  contentType: string | undefined,
): Answer {
  const reference = record.reference ?? '';
  const digest = digestOf(bytes, reference.startsWith('sha512:') ? 'sha512' : 'sha256');
  if (reference.includes(':') && reference !== digest) return errorAnswer(400, 'DIGEST_INVALID');
  const manifest = parsed(bytes, contentType);
  if (manifest === undefined) return errorAnswer(400, 'MANIFEST_INVALID');
  const { mediaType, config, layers, manifests, subject } = manifest;
  const missing =
    [...(config === undefined ? [] : [config]), ...layers].some((blob) => !repository.blobs.has(blob.digest)) ||
    manifests.some((child) => !repository.manifests.has(child.digest));
  if (missing) return errorAnswer(404, 'MANIFEST_BLOB_UNKNOWN');
  repository.manifests.set(digest, { mediaType, bytes });
  if (!isDigest(reference)) repository.tags.set(reference, digest);
  const answer = created(`/v2/${record.repository ?? ''}/manifests/${digest}`, digest);
  return subject === undefined ? answer : { ...answer, headers: { ...answer.headers, 'oci-subject': subject.digest } };
}

function parsed(bytes: Buffer, contentType: string | undefined): Manifest | undefined {
  try {
    return parseManifest(bytes, contentType);
  } catch (error) {
    if (error instanceof RequestError) return undefined;
    throw error;
  }
}

function deleteManifest(record: RecordedRequest, repository: Repository): Answer {
  const reference = record.reference ?? '';
  const deleted = isDigest(reference) ? repository.manifests.delete(reference) : repository.tags.delete(reference);
  return deleted ? { status: 202, headers: {} } : errorAnswer(404, 'MANIFEST_UNKNOWN');
}

function created(location: string, digest: string): Answer {
  return { status: 201, headers: { location, 'docker-content-digest': digest } };
}
