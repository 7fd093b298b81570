import type { AccountSettings } from '../config/schema.ts';
import { ConfigError } from '../errors.ts';
import { isDockerHub } from './names.ts';

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

/** Accounts read from Docker's `config.json`, by the upstream they are for, and what could not be read. */
export interface DockerAccounts {
  readonly imported: readonly { readonly upstream: string; readonly account: AccountSettings }[];
  /** Reasons are sentences for a person and hold no secret. */
  readonly skipped: readonly { readonly host: string; readonly reason: string }[];
}

/**
 * Reads the `auths` of Docker's `config.json`. What a credential helper keeps is named, not read: only Docker can ask it.
 * @throws ConfigError (CONFIG_INVALID) when the text is not such a file
 */
export function importDockerConfig(text: string): DockerAccounts {
  const document = parseDocument(text);
  const imported: { upstream: string; account: AccountSettings }[] = [];
  const skipped: { host: string; reason: string }[] = [];
  for (const [key, entry] of Object.entries(asRecord(document.auths))) {
    const target = splitKey(key);
    if (target === undefined) {
      skipped.push({ host: key, reason: 'its name is not a host' });
      continue;
    }
    const found = readEntry(asRecord(entry), document.credsStore);
    if (typeof found === 'string') skipped.push({ host: key, reason: found });
    else imported.push({ upstream: target.upstream, account: { ...found, path: target.path } });
  }
  for (const [host, helper] of Object.entries(asRecord(document.credHelpers))) {
    skipped.push({ host, reason: `its password is kept by the credential helper "${String(helper)}"` });
  }
  return { imported, skipped };
}

function parseDocument(text: string): Record<string, unknown> {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    // the parser's own message quotes the text, and with it secrets
    throw new ConfigError(["This is not Docker's config.json: it is not JSON."]);
  }
  const fields = asRecord(document);
  if (fields.auths === undefined && fields.credHelpers === undefined) {
    throw new ConfigError(['This is not Docker\'s config.json: it has no "auths".']);
  }
  return fields;
}

/** Keys are hosts, URLs (`https://index.docker.io/v1/`) or, as Podman writes them, a host with a repository path. */
function splitKey(key: string): { upstream: string; path: string } | undefined {
  const [host = '', ...segments] = key.replace(/^https?:\/\//, '').split('/');
  if (!/^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::\d{1,5})?$/i.test(host)) return undefined;
  const path = segments.filter((segment) => segment !== '').join('/');
  return { upstream: isDockerHub(host) ? 'docker.io' : host.toLowerCase(), path: /^v[12]$/.test(path) ? '' : path };
}

/** The account of one entry, or the reason why there is none. */
function readEntry(entry: Record<string, unknown>, store: unknown): Omit<AccountSettings, 'path'> | string {
  const { auth, username, password, identitytoken, registrytoken } = entry;
  if (isText(registrytoken)) return { username: '', password: '', registryToken: registrytoken };
  if (isText(identitytoken)) return { username: identityTokenUser, password: identitytoken, registryToken: '' };
  if (isText(username) && isText(password)) return { username, password, registryToken: '' };
  if (!isText(auth)) {
    return isText(store)
      ? `its password is kept by the credential store "${store}"`
      : 'it has no user name and password';
  }
  const decoded = Buffer.from(auth, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  if (colon < 1) return 'its "auth" is not user:password in base64';
  // Docker pads with zero bytes
  return {
    username: decoded.slice(0, colon),
    password: decoded.slice(colon + 1).replace(/\0+$/, ''),
    registryToken: '',
  };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function trimSlashes(path: string): string {
  return path.replace(/^\/+|\/+$/g, '');
}
