import { describe, expect, it } from 'vitest';
import type { AccountSettings } from '../../../../server/config/schema.ts';
import { ConfigError } from '../../../../server/errors.ts';
import { chooseAccount, importDockerConfig } from '../../../../server/upstream/credentials.ts';
import { throwsWith } from '../../../support/expect-code.ts';

function account(path: string, username = path): AccountSettings {
  return { path, username, password: 'p', registryToken: '' };
}

describe('chooseAccount', () => {
  it.each([
    ['org/app', 'org/app'],
    ['org/app/sub', 'org/app'],
    ['org/apple', 'org'],
    ['organisation/app', 'all'],
    ['', 'all'],
  ])('for %j takes that of %s', (repository, username) => {
    const accounts = [account('', 'all'), account('/org/', 'org'), account('org/app')];
    expect(chooseAccount(accounts, repository)?.username).toBe(username);
  });

  it('takes none when no path matches', () => {
    expect(chooseAccount([account('org')], 'other/app')).toBeUndefined();
  });
});

function config(value: unknown): string {
  return JSON.stringify(value);
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('importDockerConfig', () => {
  it('reads every way Docker writes credentials', () => {
    const { imported, skipped } = importDockerConfig(
      config({
        auths: {
          'https://index.docker.io/v1/': { auth: base64('hub:pass:word') },
          'ghcr.io': { username: 'octo', password: 'cat' },
          'quay.io/org/app': { auth: base64('robot$q:secret\0\0') },
          'https://acr.test': { auth: base64('00000000-0000-0000-0000-000000000000:'), identitytoken: 'refresh' },
          'Registry.test:5000': { registrytoken: 'bearer' },
        },
      }),
    );
    const none = { username: '', password: '', registryToken: '' };
    expect(imported).toEqual([
      { upstream: 'docker.io', account: { ...none, path: '', username: 'hub', password: 'pass:word' } },
      { upstream: 'ghcr.io', account: { ...none, path: '', username: 'octo', password: 'cat' } },
      { upstream: 'quay.io', account: { ...none, path: 'org/app', username: 'robot$q', password: 'secret' } },
      { upstream: 'acr.test', account: { ...none, path: '', username: '<token>', password: 'refresh' } },
      { upstream: 'registry.test:5000', account: { ...none, path: '', registryToken: 'bearer' } },
    ]);
    expect(skipped).toEqual([]);
  });

  it('names what it cannot read, without secrets', () => {
    const { imported, skipped } = importDockerConfig(
      config({
        auths: { 'ghcr.io': {}, 'bad.test': { auth: base64('nocolon-secret') }, 'not a host': { auth: base64('a:b') } },
        credsStore: 'desktop',
        credHelpers: { 'gcr.io': 'gcloud' },
      }),
    );
    expect(imported).toEqual([]);
    expect(skipped.map(({ host }) => host)).toEqual(['ghcr.io', 'bad.test', 'not a host', 'gcr.io']);
    expect(skipped[0]?.reason).toContain('desktop');
    expect(skipped[3]?.reason).toContain('gcloud');
    expect(JSON.stringify(skipped)).not.toContain('secret');
  });

  it.each(['{"auths": {"ghcr.io": {"auth": "c2VjcmV0', '[]', '{"other": 1}'])(
    'refuses %s without quoting it',
    (text) => {
      expect(throwsWith(() => importDockerConfig(text), ConfigError, 'CONFIG_INVALID').message).not.toContain(
        'c2VjcmV0',
      );
    },
  );
});
