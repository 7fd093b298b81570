import { expect, it } from 'vitest';
import { isSameUrl, parseUpstreamText } from '../../../../server/config/upstream-text.ts';

it.each([
  ['ghcr.io', { name: 'ghcr.io' }],
  ['GHCR.io', { name: 'ghcr.io' }],
  ['registry.test:5000', { name: 'registry.test:5000' }],
  ['[::1]:5001', { name: '[::1]:5001' }],
  ['index.docker.io', { name: 'docker.io' }],
  ['https://registry-1.docker.io', { name: 'docker.io' }],
  ['https://ghcr.io/', { name: 'ghcr.io' }],
  ['http://127.0.0.1:5001', { name: '127.0.0.1:5001', urls: ['http://127.0.0.1:5001'] }],
  ['http://127.0.0.1:5001/', { name: '127.0.0.1:5001', urls: ['http://127.0.0.1:5001'] }],
  ['https://nexus.test/repository/docker/', { name: 'nexus.test', urls: ['https://nexus.test/repository/docker'] }],
  ['http://Up.Test:80', { name: 'up.test', urls: ['http://Up.Test:80'] }],
])('reads %s', (text, upstream) => {
  expect(parseUpstreamText(text)).toEqual({ upstream });
});

it.each(['', 'ghcr.io/org', 'ftp://x', 'http://', 'http://x?y', 'http://x#y', 'a b', 'ghcr.io:port', 'http://a_b'])(
  'refuses %j with a reason',
  (text) => {
    expect(parseUpstreamText(text)).toEqual({ problem: expect.any(String) as string });
  },
);

it.each(['https://user:hunter2@ghcr.io', 'user:hunter2@ghcr.io'])(
  'never repeats a password in a reason (%#)',
  (text) => {
    const read = parseUpstreamText(text);
    expect(read).toHaveProperty('problem');
    expect(JSON.stringify(read)).not.toContain('hunter2');
  },
);

it('compares base URLs by what they mean', () => {
  expect(isSameUrl('http://UP.test:80/a/', 'http://up.test/a')).toBe(true);
  expect(isSameUrl('http://up.test/a', 'https://up.test/a')).toBe(false);
});
