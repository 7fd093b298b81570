import type { IncomingMessage } from 'node:http';
import { mediaTypes } from '../../../server/oci/media-types.ts';
import { digestOf } from '../../../server/oci/digest.ts';
import { contentOf } from '../content.ts';
import { errorAnswer, jsonAnswer } from './answer.ts';
import type { Answer } from './answer.ts';
import type { ContentStore, Repository } from './content-store.ts';
import { manifestOf, referrersOf } from './content-store.ts';
import type { RecordedRequest } from './request-log.ts';

/** How an upstream behaves when nothing is scripted; every member may be changed while it runs. */
export interface Behaviour {
  /** Status for a repository it does not have; some registries say 401. */
  unknownRepository: 401 | 403 | 404;
  /** `api`: the referrers endpoint. `tag`: no endpoint, but the `sha256-<hex>` fallback tag. `none`: neither. */
  referrers: 'api' | 'tag' | 'none';
  /** Most tags, or repositories, on one page, even when the client asks for more. */
  pageSize: number;
  /** Whether Range is honoured for blobs. */
  ranges: boolean;
  /** Whether answers name the content's digest. */
  digestHeader: boolean;
  /** Whether a manifest of a type the client does not accept is refused, as Distribution does. */
  strictAccept: boolean;
}

/** Answers the reading endpoints from the store. */
export function answerPull(
  request: IncomingMessage,
  record: RecordedRequest,
  store: ContentStore,
  behaviour: Behaviour,
): Answer {
  if (record.kind === 'base') return jsonAnswer(200, {}, apiVersion);
  const query = new URL(record.url, 'http://upstream').searchParams;
  if (record.kind === 'catalog') return page('repositories', store.names, query, '/v2/_catalog', behaviour, {});
  const repository = store.find(record.repository ?? '');
  if (repository === undefined)
    return errorAnswer(behaviour.unknownRepository, behaviour.unknownRepository === 404 ? 'NAME_UNKNOWN' : undefined);
  switch (record.kind) {
    case 'manifest':
      return manifestAnswer(request, record, repository, behaviour);
    case 'blob':
    case 'blob-host':
      return blobAnswer(record, repository, behaviour);
    case 'tags':
      return page(
        'tags',
        [...repository.tags.keys()].sort(),
        query,
        `/v2/${record.repository ?? ''}/tags/list`,
        behaviour,
        { name: record.repository },
      );
    case 'referrers':
      return referrersAnswer(record, repository, query.get('artifactType'), behaviour);
    default:
      return errorAnswer(404, 'UNSUPPORTED');
  }
}

const apiVersion = { 'docker-distribution-api-version': 'registry/2.0' };

function manifestAnswer(
  request: IncomingMessage,
  record: RecordedRequest,
  repository: Repository,
  behaviour: Behaviour,
): Answer {
  const reference = record.reference ?? '';
  const found =
    manifestOf(repository, reference) ??
    (behaviour.referrers === 'tag' ? fallbackIndex(repository, reference) : undefined);
  if (found === undefined) return errorAnswer(404, 'MANIFEST_UNKNOWN');
  const accept = request.headers.accept ?? '*/*';
  if (behaviour.strictAccept && !accept.includes(found.mediaType) && !accept.includes('*/*')) {
    return errorAnswer(404, 'MANIFEST_UNKNOWN', `it is of type ${found.mediaType}, which the client does not accept`);
  }
  return {
    status: 200,
    headers: {
      ...apiVersion,
      'content-type': found.mediaType,
      ...(behaviour.digestHeader ? { 'docker-content-digest': found.digest } : {}),
    },
    body: contentOf(found.bytes),
  };
}

/** distribution-spec "Referrers Tag Schema": the index under `sha256-<hex>`. */
function fallbackIndex(repository: Repository, tag: string): (ReturnType<typeof manifestOf> & object) | undefined {
  const match = /^(sha256|sha512)-([0-9a-f]+)$/.exec(tag);
  const referrers = match === null ? [] : referrersOf(repository, `${match[1] ?? ''}:${match[2] ?? ''}`);
  if (referrers.length === 0) return undefined;
  const bytes = indexBytes(referrers);
  return { mediaType: mediaTypes.ociIndex, bytes, digest: digestOf(bytes) };
}

function indexBytes(manifests: readonly unknown[]): Buffer {
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }));
}

function blobAnswer(record: RecordedRequest, repository: Repository, behaviour: Behaviour): Answer {
  const digest = record.reference ?? '';
  const body = [...repository.blobs].find(([own]) => own === digest)?.[1];
  if (body === undefined) return errorAnswer(404, 'BLOB_UNKNOWN');
  return {
    status: 200,
    headers: {
      ...apiVersion,
      'content-type': 'application/octet-stream',
      ...(behaviour.digestHeader ? { 'docker-content-digest': digest } : {}),
    },
    body,
    ranges: behaviour.ranges,
  };
}

function referrersAnswer(
  record: RecordedRequest,
  repository: Repository,
  artifactType: string | null,
  behaviour: Behaviour,
): Answer {
  if (behaviour.referrers !== 'api') return errorAnswer(404, 'UNSUPPORTED');
  const all = referrersOf(repository, record.reference ?? '');
  const chosen = artifactType === null ? all : all.filter((descriptor) => descriptor.artifactType === artifactType);
  const filtered = artifactType === null ? {} : { 'oci-filters-applied': 'artifactType' };
  return {
    status: 200,
    headers: { ...apiVersion, 'content-type': mediaTypes.ociIndex, ...filtered },
    body: contentOf(indexBytes(chosen)),
  };
}

/** One page of a sorted list (distribution-spec end-8b: `n`, `last`, `Link`). */
function page(
  member: string,
  all: readonly string[],
  query: URLSearchParams,
  path: string,
  behaviour: Behaviour,
  extra: Readonly<Record<string, unknown>>,
): Answer {
  const last = query.get('last') ?? '';
  const asked = query.get('n');
  const count = Math.min(behaviour.pageSize, asked === null ? Infinity : Number(asked));
  const rest = all.filter((name) => name > last);
  const names = rest.slice(0, count);
  const more = names.length > 0 && rest.length > names.length;
  const next = new URLSearchParams({ last: names.at(-1) ?? '', n: String(count) });
  const link: Record<string, string> = more ? { link: `<${path}?${next.toString()}>; rel="next"` } : {};
  return jsonAnswer(200, { ...extra, [member]: names }, { ...apiVersion, ...link });
}
