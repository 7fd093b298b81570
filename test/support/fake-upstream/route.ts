/** What a request asks for; `blob-host` is the second host redirects lead to. */
export type RouteKind =
  'base' | 'catalog' | 'manifest' | 'blob' | 'blob-host' | 'tags' | 'referrers' | 'upload' | 'token' | 'other';

/** A request's target, taken apart. */
export interface Route {
  readonly kind: RouteKind;
  readonly repository: string | undefined;
  /** Tag, digest or upload id. */
  readonly reference: string | undefined;
}

const patterns: readonly (readonly [RegExp, RouteKind])[] = [
  [/^\/v2\/(.+)\/manifests\/([^/]+)$/, 'manifest'],
  [/^\/v2\/(.+)\/blobs\/uploads\/([^/]*)$/, 'upload'],
  [/^\/v2\/(.+)\/blobs\/([^/]+)$/, 'blob'],
  [/^\/v2\/(.+)\/tags\/list$/, 'tags'],
  [/^\/v2\/(.+)\/referrers\/([^/]+)$/, 'referrers'],
  [/^\/v2\/_catalog$/, 'catalog'],
  [/^\/v2\/?$/, 'base'],
  [/^\/token$/, 'token'],
  [/^\/data\/(.+)\/([^/]+)$/, 'blob-host'],
];

/** Takes `path?query` apart (distribution-spec, "Endpoints"). */
export function routeOf(url: string): Route {
  const path = decoded(new URL(url, 'http://upstream').pathname);
  for (const [pattern, kind] of patterns) {
    const match = pattern.exec(path);
    if (match !== null) return { kind, repository: match[1], reference: match[2] === '' ? undefined : match[2] };
  }
  return { kind: 'other', repository: undefined, reference: undefined };
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
