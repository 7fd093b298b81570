import type { AccountSettings } from '../config/schema.ts';

/** User name under which Docker's tools keep an identity token: the password is then an OAuth2 refresh token. */
export const identityTokenUser = '<token>';

/** The account for a repository: the one with the longest path that is the repository or a parent of it. */
export function chooseAccount(accounts: readonly AccountSettings[], repository: string): AccountSettings | undefined {
  let best: AccountSettings | undefined;
  for (const account of accounts) {
    const path = trimSlashes(account.path);
    const isMatch = path === '' || repository === path || repository.startsWith(`${path}/`);
    if (isMatch && (best === undefined || path.length > trimSlashes(best.path).length)) best = account;
  }
  return best;
}

/** True when both would send the same credentials. */
export function isSameAccount(one: AccountSettings | undefined, other: AccountSettings | undefined): boolean {
  return (
    one?.username === other?.username &&
    one?.password === other?.password &&
    one?.registryToken === other?.registryToken
  );
}

function trimSlashes(path: string): string {
  return path.replace(/^\/+|\/+$/g, '');
}
