import { MirrorError, RequestError } from '../../errors.ts';
import type { Actor, Admin, Handlers } from '../call.ts';
import { recordChange } from '../change-record.ts';
import { readDockerConfig } from '../docker-config.ts';
import type { DockerLogin } from '../docker-config.ts';
import { InvalidInput } from '../problems.ts';
import { viewOf } from './upstreams.ts';

/** Accounts of upstreams. Their secrets go in and never come out. */
export function accountRoutes(admin: Admin): Pick<Handlers, 'addAccount' | 'removeAccount' | 'importDockerConfig'> {
  const { upstreams } = admin.parts;
  return {
    addAccount: ({ query: { name }, body, actor }) => {
      assertAccount(body);
      upstreams.putAccount(name, body);
      record(admin, actor, name, `account ${accountName(body)} added`);
      return viewOf(admin, name);
    },

    removeAccount: ({ query: { name, path, username }, actor }) => {
      viewOf(admin, name);
      const isThere = upstreams
        .accounts(name)
        .some((account) => account.path === path && account.username === username);
      if (!isThere)
        throw new RequestError('NOT_FOUND', `${name} has no account ${accountName({ path, username })}`, {
          value: username,
        });
      upstreams.removeAccount(name, path, username);
      record(admin, actor, name, `account ${accountName({ path, username })} removed`);
      return viewOf(admin, name);
    },

    importDockerConfig: async ({ body: { content }, actor }) => {
      const { logins, skipped } = readDockerConfig(content);
      const imported: string[] = [];
      const refused = [...skipped];
      for (const login of logins) {
        const reason = await take(admin, login, actor);
        if (reason === undefined) imported.push(login.host);
        else refused.push({ host: login.host, reason });
      }
      return { imported, skipped: refused };
    },
  };
}

interface WrittenAccount {
  readonly path: string;
  readonly username: string;
  readonly password: string;
  readonly registryToken: string;
}

function assertAccount({ username, password, registryToken }: WrittenAccount): void {
  const hasToken = registryToken !== '';
  if (hasToken && (username !== '' || password !== ''))
    throw new InvalidInput(['registryToken: an account has either a token or a user name and password']);
  if (hasToken || (username !== '' && password !== '')) return;
  throw new InvalidInput([username === '' ? 'username: is missing' : 'password: is missing']);
}

/** Takes one login over, with its upstream when there is none of that name; says why it could not. */
async function take(admin: Admin, { upstream, account }: DockerLogin, actor: Actor): Promise<string | undefined> {
  const { upstreams } = admin.parts;
  try {
    if (upstreams.find(upstream) === undefined) {
      await upstreams.add({ name: upstream });
      record(admin, actor, upstream, "added with a login of Docker's config.json");
    }
    upstreams.putAccount(upstream, account);
    record(admin, actor, upstream, `account ${accountName(account)} imported from Docker's config.json`);
    return undefined;
  } catch (error) {
    if (error instanceof MirrorError) return error.message;
    throw error;
  }
}

function accountName({ path, username }: Pick<WrittenAccount, 'path' | 'username'>): string {
  return `${username === '' ? '(token)' : username}${path === '' ? '' : ` for ${path}`}`;
}

function record({ parts }: Admin, actor: Actor, name: string, detail: string): void {
  recordChange(parts, actor, { event: 'config_change', subject: `upstream ${name}`, detail });
}
