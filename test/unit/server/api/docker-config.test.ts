import { describe, expect, it } from 'vitest';
import { readDockerConfig } from '../../../../server/api/docker-config.ts';
import { InvalidInput } from '../../../../server/api/problems.ts';
import { throwsWith } from '../../../support/expect-code.ts';

const auth = (text: string): string => Buffer.from(text).toString('base64');
const read = (config: object) => readDockerConfig(JSON.stringify(config));

describe("Docker's config.json", () => {
  it('gives accounts: Docker Hub under its name, paths as scope, colons in passwords, tokens', () => {
    const { logins } = read({
      auths: {
        'https://index.docker.io/v1/': { auth: auth('hub:pa:ss') },
        'ghcr.io/org': { auth: auth('me:x') },
        'quay.io/org/app': { auth: auth('robot$q:padded\0\0') },
        'Upper.test:5000': { username: 'u', password: 'p' },
        'token.test': { registrytoken: 'abc' },
      },
    });
    expect(logins.map(({ upstream, account }) => [upstream, account])).toEqual([
      ['docker.io', { path: '', username: 'hub', password: 'pa:ss', registryToken: '' }],
      ['ghcr.io', { path: 'org', username: 'me', password: 'x', registryToken: '' }],
      ['quay.io', { path: 'org/app', username: 'robot$q', password: 'padded', registryToken: '' }],
      ['upper.test:5000', { path: '', username: 'u', password: 'p', registryToken: '' }],
      ['token.test', { path: '', username: '', password: '', registryToken: 'abc' }],
    ]);
  });

  it('names what it can not give, with the reason', () => {
    const { logins, skipped } = read({
      auths: {
        'a.test': {},
        'b.test': { identitytoken: 'x' },
        'no host': { auth: auth('u:p') },
        'c.test': { auth: auth('u:') },
      },
      credsStore: 'desktop',
      credHelpers: { 'd.test': 'ecr-login' },
    });
    expect(logins).toEqual([]);
    expect(skipped.map(({ host, reason }) => [host, /desktop|ecr-login|identity|registry/.exec(reason)?.[0]])).toEqual([
      ['a.test', 'desktop'],
      ['b.test', 'identity'],
      ['no host', 'registry'],
      ['c.test', 'desktop'],
      ['d.test', 'ecr-login'],
    ]);
  });

  it('is refused when it is something else, without a word of its text', () => {
    for (const text of [
      'secret-in-here',
      '[]',
      '{"other":"secret-in-here"}',
      '{"auths":{"a":{"auth":["secret-in-here"]}}}',
    ]) {
      const error = throwsWith(() => readDockerConfig(text), InvalidInput, 'REQUEST_INVALID');
      expect(error.message).not.toContain('secret-in-here');
    }
  });
});
