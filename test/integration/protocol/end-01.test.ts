import { expect, test } from 'vitest';
import { Registry, codes } from './client.ts';

const registry = new Registry();

test.each(['/v2/', '/v2'])('GET %s says that this is a registry', async (path) => {
  const answer = await registry.send('GET', path);
  expect([answer.status, answer.headers['docker-distribution-api-version']]).toEqual([200, 'registry/2.0']);
});

test.each([
  ['POST', '', 'GET, HEAD'],
  ['PUT', '_catalog', 'GET, HEAD'],
  ['POST', 'team/app/manifests/v1', 'GET, HEAD, PUT, DELETE'],
  ['PUT', `team/app/blobs/sha256:${'a'.repeat(64)}`, 'GET, HEAD, DELETE'],
  ['GET', 'team/app/blobs/uploads/', 'POST'],
  ['POST', 'team/app/blobs/uploads/some-id', 'GET, PATCH, PUT, DELETE'],
  ['DELETE', 'team/app/tags/list', 'GET, HEAD'],
  ['POST', `team/app/referrers/sha256:${'a'.repeat(64)}`, 'GET, HEAD'],
])('%s of /v2/%s is refused with the methods there are', async (method, path, allow) => {
  const answer = await registry.send(method, path);
  expect([answer.status, answer.headers.allow, codes(answer)]).toEqual([405, allow, ['UNSUPPORTED']]);
});
