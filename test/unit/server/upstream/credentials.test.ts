import { describe, expect, it } from 'vitest';
import type { AccountSettings } from '../../../../server/config/schema.ts';
import { chooseAccount } from '../../../../server/upstream/credentials.ts';

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
