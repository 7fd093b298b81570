import { expect, test } from 'vitest';
import { upstream as upstreamSchema } from '../../../server/config/schema.ts';
import type { UpstreamInput } from '../../../server/config/schema.ts';
import { pullExample } from '../../../server/pull-example.ts';

type Parts = Parameters<typeof pullExample>[1];

interface Situation {
  readonly upstream: UpstreamInput;
  readonly isOffline?: boolean;
  readonly held?: { readonly repository: string; readonly tag: string };
}

function example({ upstream, isOffline = false, held }: Situation): string {
  const upstreams = {
    defaultName: upstream.name,
    isOffline,
    list: () => [{ settings: upstreamSchema.parse(upstream) }],
  };
  const parts = { upstreams, tags: { anyOf: () => held } } as unknown as Parts;
  return pullExample({ address: 'localhost:5050', isTls: false }, parts);
}

const held = { repository: 'team/app', tag: 'v1' };
const listing = 'curl -sS http://localhost:5050/v2/_catalog';

test.each<[string, Situation, string]>([
  ['a small image of a public registry', { upstream: { name: 'docker.io' }, held }, 'library/hello-world'],
  ['what is held while offline', { upstream: { name: 'docker.io' }, isOffline: true, held }, 'team/app'],
  ['what is held from an upstream of one’s own', { upstream: { name: 'up.test' }, held }, 'team/app'],
  ['what is held from a stand-in', { upstream: { name: 'docker.io', urls: ['http://up.test'] }, held }, 'team/app'],
])('pulls %s', (_, situation, expected) => {
  expect(example(situation)).toContain('localhost:5050/');
  expect(example(situation)).toContain(expected);
});

test('lists what is held when no image is known to be there', () => {
  expect(example({ upstream: { name: 'up.test' } })).toBe(listing);
  expect(example({ upstream: { name: 'ghcr.io' }, isOffline: true })).toBe(listing);
});
