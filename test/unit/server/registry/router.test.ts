import { describe, expect, it } from 'vitest';
import { RequestError } from '../../../../server/errors.ts';
import { parseRoute } from '../../../../server/registry/router.ts';
import { throwsWith } from '../../../support/expect-code.ts';

const digest = `sha256:${'a'.repeat(64)}`;

describe('a path below /v2', () => {
  it.each([
    ['/v2', { kind: 'base' }],
    ['/v2/', { kind: 'base' }],
    ['/v2/?x=1', { kind: 'base' }],
    ['/v2/_catalog?n=5', { kind: 'catalog' }],
    ['/v2/app/tags/list', { kind: 'tags', repository: 'app' }],
    ['/v2/tags/list/tags/list', { kind: 'tags', repository: 'tags/list' }],
    ['/v2/org/app/manifests/v1', { kind: 'manifest', repository: 'org/app', reference: { kind: 'tag', tag: 'v1' } }],
    [`/v2/app/manifests/${digest}`, { kind: 'manifest', repository: 'app', reference: { kind: 'digest', digest } }],
    [`/v2/app/manifests/sha256%3A${'a'.repeat(64)}`, { kind: 'manifest', repository: 'app' }],
    ['/v2/manifests/manifests/manifests', { kind: 'manifest', repository: 'manifests' }],
    [`/v2/blobs/blobs/${digest}`, { kind: 'blob', repository: 'blobs', digest }],
    [`/v2/127.0.0.1:5001/app/blobs/${digest}`, { kind: 'blob', repository: '127.0.0.1:5001/app' }],
    [`/v2/app/referrers/${digest}?artifactType=x`, { kind: 'referrers', repository: 'app', digest }],
  ])('%s is understood', (url, expected) => {
    expect(parseRoute(url)).toMatchObject(expected);
  });

  it.each([
    ['/v2/app', 'NOT_FOUND'],
    ['/v2//manifests/v1', 'NOT_FOUND'],
    ['/v2/App/manifests/v1', 'NAME_INVALID'],
    ['/v2/a/../b/manifests/v1', 'NAME_INVALID'],
    ['/v2/a/%2e%2e/b/manifests/v1', 'NAME_INVALID'],
    ['/v2/a%2Fb%00/manifests/v1', 'NAME_INVALID'],
    ['/v2/%E0%A4%A/manifests/v1', 'NAME_INVALID'],
    [`/v2/${'a'.repeat(256)}/manifests/v1`, 'NAME_INVALID'],
    ['/v2/app/manifests/sha256:abc', 'DIGEST_INVALID'],
    ['/v2/app/blobs/sha256:XYZ', 'DIGEST_INVALID'],
    ['/v2/app/blobs/v1', 'DIGEST_INVALID'],
    ['/v2/app/manifests/-v1', 'TAG_INVALID'],
    [`/v2/app/manifests/${'t'.repeat(129)}`, 'TAG_INVALID'],
  ] as const)('%s is refused with %s', (url, code) => {
    throwsWith(() => parseRoute(url), RequestError, code);
  });
});
