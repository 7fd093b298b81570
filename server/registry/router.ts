import { RequestError } from '../errors.ts';
import { parseDigest } from '../oci/digest.ts';
import type { Digest } from '../oci/digest.ts';
import { parseReference, parseRepositoryName } from '../oci/reference.ts';
import type { Reference } from '../oci/reference.ts';

/** What a `/v2` path asks for (distribution-spec "Endpoints"). */
export type RegistryRoute =
  | { readonly kind: 'base' }
  | { readonly kind: 'catalog'; readonly query: URLSearchParams }
  | {
      readonly kind: 'manifest';
      readonly repository: string;
      readonly reference: Reference;
      readonly query: URLSearchParams;
    }
  | { readonly kind: 'blob'; readonly repository: string; readonly digest: Digest; readonly query: URLSearchParams }
  | { readonly kind: 'uploads'; readonly repository: string; readonly query: URLSearchParams }
  | { readonly kind: 'upload'; readonly repository: string; readonly id: string; readonly query: URLSearchParams }
  | { readonly kind: 'tags'; readonly repository: string; readonly query: URLSearchParams }
  | {
      readonly kind: 'referrers';
      readonly repository: string;
      readonly digest: Digest;
      readonly query: URLSearchParams;
    };

/**
 * Reads the path of a request below `/v2`. The client controls every byte; percent-encoding is undone once.
 * @throws RequestError (NAME_INVALID, TAG_INVALID, DIGEST_INVALID, NOT_FOUND)
 */
export function parseRoute(url: string): RegistryRoute {
  const mark = url.indexOf('?');
  const query = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
  const path = decodePath(mark < 0 ? url : url.slice(0, mark));
  const rest = path.slice('/v2'.length);
  if (rest === '' || rest === '/') return { kind: 'base' };
  if (rest === '/_catalog') return { kind: 'catalog', query };
  return parseRepositoryRoute(rest.slice(1), query);
}

function parseRepositoryRoute(rest: string, query: URLSearchParams): RegistryRoute {
  if (rest.endsWith('/tags/list'))
    return { kind: 'tags', repository: parseRepositoryName(rest.slice(0, -'/tags/list'.length)), query };
  // the last marker counts: a repository may be called manifests or blobs
  const manifests = rest.lastIndexOf('/manifests/');
  const blobs = rest.lastIndexOf('/blobs/');
  const referrers = rest.lastIndexOf('/referrers/');
  const last = Math.max(manifests, blobs, referrers);
  if (last <= 0)
    throw new RequestError('NOT_FOUND', 'no such endpoint; see the OCI distribution specification', {
      value: rest.slice(0, 200),
    });
  const repository = parseRepositoryName(rest.slice(0, last));
  if (last === manifests)
    return { kind: 'manifest', repository, reference: parseReference(rest.slice(last + '/manifests/'.length)), query };
  if (last === blobs) return parseBlobRoute(repository, rest.slice(last + '/blobs/'.length), query);
  return { kind: 'referrers', repository, digest: parseDigest(rest.slice(last + '/referrers/'.length)), query };
}

function parseBlobRoute(repository: string, rest: string, query: URLSearchParams): RegistryRoute {
  if (rest === 'uploads' || rest === 'uploads/') return { kind: 'uploads', repository, query };
  if (rest.startsWith('uploads/')) return { kind: 'upload', repository, id: rest.slice('uploads/'.length), query };
  return { kind: 'blob', repository, digest: parseDigest(rest), query };
}

function decodePath(path: string): string {
  try {
    return path.includes('%') ? decodeURIComponent(path) : path;
  } catch (cause) {
    throw new RequestError('NAME_INVALID', 'the path is not percent-encoded correctly', { cause });
  }
}
