import { z } from 'zod';
import type { AccountSettings } from '../config/schema.ts';
import { parseUpstreamText } from '../config/upstream-text.ts';
import { InvalidInput } from './problems.ts';

/** A login of Docker's config.json, as an account of an upstream. */
export interface DockerLogin {
  readonly host: string;
  readonly upstream: string;
  readonly account: AccountSettings;
}

export interface DockerLogins {
  readonly logins: readonly DockerLogin[];
  readonly skipped: readonly { readonly host: string; readonly reason: string }[];
}

const entry = z.object({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
  registrytoken: z.string().optional(),
});
const dockerConfig = z.object({
  auths: z.record(z.string(), entry).optional(),
  credsStore: z.string().optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
});
type Entry = z.output<typeof entry>;
type Secret = Pick<AccountSettings, 'username' | 'password' | 'registryToken'>;

/**
 * Reads the logins of Docker's config.json. Messages never repeat the text: it holds passwords. PURE.
 * @throws InvalidInput (REQUEST_INVALID) when it is not one
 */
export function readDockerConfig(content: string): DockerLogins {
  const { auths = {}, credHelpers = {}, credsStore } = parse(content);
  const logins: DockerLogin[] = [];
  const skipped: { host: string; reason: string }[] = [];
  for (const [host, written] of Object.entries(auths)) {
    const helper = credHelpers[host] ?? credsStore;
    const login = readLogin(host, written, helper);
    if ('reason' in login) skipped.push({ host, reason: login.reason });
    else logins.push(login);
  }
  for (const [host, helper] of Object.entries(credHelpers)) {
    if (!(host in auths)) skipped.push({ host, reason: helperReason(helper) });
  }
  return { logins, skipped };
}

function parse(content: string): z.output<typeof dockerConfig> {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    throw new InvalidInput(["content: is not JSON; paste the whole of Docker's config.json"]);
  }
  const result = dockerConfig.safeParse(value);
  if (result.success) {
    if (result.data.auths !== undefined || result.data.credHelpers !== undefined) return result.data;
    throw new InvalidInput(['content: has no "auths"; paste the whole of Docker\'s config.json']);
  }
  throw new InvalidInput(
    result.error.issues.map((issue) => `content.${issue.path.map(String).join('.')}: ${issue.message}`),
  );
}

function readLogin(
  host: string,
  written: Entry,
  helper: string | undefined,
): DockerLogin | { readonly reason: string } {
  const target = readHost(host);
  if (target === undefined) return { reason: 'it does not name a registry' };
  const secret = readSecret(written);
  if (secret !== undefined) return { host, upstream: target.upstream, account: { path: target.path, ...secret } };
  if (written.identitytoken !== undefined)
    return {
      reason: 'it holds an identity token, which only Docker can renew; add a user name and an access token by hand',
    };
  return { reason: helper === undefined ? 'it holds no password' : helperReason(helper) };
}

function helperReason(helper: string): string {
  return `its password is kept by the credential helper ${helper.slice(0, 100)}, not in this file; add the account by hand`;
}

/** Docker Hub stands as `https://index.docker.io/v1/`; a path behind other hosts limits the login to it. */
function readHost(host: string): { readonly upstream: string; readonly path: string } | undefined {
  const bare = host.replace(/^https?:\/\//i, '').replace(/\/+$/, '');
  const slash = bare.indexOf('/');
  const path = slash < 0 ? '' : bare.slice(slash + 1);
  const text = parseUpstreamText(slash < 0 ? bare : bare.slice(0, slash));
  if ('problem' in text) return undefined;
  return { upstream: text.upstream.name, path: /^v[12]$/.test(path) ? '' : path };
}

function readSecret({ auth, username, password, registrytoken }: Entry): Secret | undefined {
  if (registrytoken !== undefined && registrytoken !== '')
    return { username: '', password: '', registryToken: registrytoken };
  const plain =
    auth === undefined || auth === ''
      ? `${username ?? ''}:${password ?? ''}`
      : Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = plain.indexOf(':');
  if (colon <= 0 || colon === plain.length - 1) return undefined;
  return { username: plain.slice(0, colon), password: plain.slice(colon + 1), registryToken: '' };
}
