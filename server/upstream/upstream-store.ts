import type { AccountSettings, UpstreamInput, UpstreamSettings } from '../config/schema.ts';
import { upstream as schema } from '../config/schema.ts';
import type { Database } from '../db/database.ts';
import { inTransaction } from '../db/database.ts';
import type { SecretBox } from './secret-box.ts';

/** Upstreams and accounts that were added in the window: settings as text, secrets sealed. */
export class UpstreamStore {
  readonly #db: Database;
  readonly #box: SecretBox;

  constructor(db: Database, box: SecretBox) {
    this.#db = db;
    this.#box = box;
  }

  /** In the order they were given. */
  list(): { readonly input: UpstreamInput; readonly settings: UpstreamSettings }[] {
    const rows = this.#db
      .prepare<[], { settings: string }>('SELECT settings FROM upstreams ORDER BY position, name')
      .all();
    return rows.map((row) => {
      const input = JSON.parse(row.settings) as UpstreamInput;
      return { input, settings: schema.parse(input) };
    });
  }

  /** Writes an upstream; a new one goes to the end. Accounts are written by {@link putAccount} only. */
  put(input: UpstreamInput): void {
    const { accounts: _accounts, ...settings } = input;
    this.#db
      .prepare(
        `INSERT INTO upstreams (name, position, settings) VALUES (?, (SELECT coalesce(max(position), 0) + 1 FROM upstreams), ?)
         ON CONFLICT (name) DO UPDATE SET settings = excluded.settings`,
      )
      .run(input.name, JSON.stringify(settings));
  }

  /** Writes upstreams with their accounts, all or none, and puts them behind the others in this order. */
  putAll(upstreams: readonly { readonly input: UpstreamInput; readonly accounts: readonly AccountSettings[] }[]): void {
    const toEnd = this.#db.prepare(
      'UPDATE upstreams SET position = (SELECT coalesce(max(position), 0) + 1 FROM upstreams) WHERE name = ?',
    );
    inTransaction(this.#db, () => {
      for (const { input, accounts } of upstreams) {
        this.put(input);
        toEnd.run(input.name);
        for (const account of accounts) this.putAccount(input.name, account);
      }
    });
  }

  /** Puts the upstreams in this order; one that is not stored yet is. */
  reorder(inputs: readonly UpstreamInput[]): void {
    const place = this.#db.prepare('UPDATE upstreams SET position = ? WHERE name = ?');
    inTransaction(this.#db, () => {
      for (const [index, input] of inputs.entries())
        if (place.run(index + 1, input.name).changes === 0) {
          this.put(input);
          place.run(index + 1, input.name);
        }
    });
  }

  remove(name: string): void {
    inTransaction(this.#db, () => {
      this.#db.prepare('DELETE FROM accounts WHERE upstream = ?').run(name);
      this.#db.prepare('DELETE FROM upstreams WHERE name = ?').run(name);
    });
  }

  accounts(upstream: string): AccountSettings[] {
    const rows = this.#db
      .prepare<[string], { path: string; username: string; kind: string; sealed: Buffer }>(
        'SELECT path, username, kind, sealed FROM accounts WHERE upstream = ? ORDER BY path, username',
      )
      .all(upstream);
    return rows.flatMap((row) => {
      const secret = this.#openSealed(row.sealed);
      if (secret === undefined) return [];
      const isToken = row.kind === 'token';
      const account = { path: row.path, username: row.username };
      return [{ ...account, password: isToken ? '' : secret, registryToken: isToken ? secret : '' }];
    });
  }

  /** Accounts whose password can't be read any more, because the key file or the keychain is another one. */
  unreadableAccounts(): string[] {
    const rows = this.#db
      .prepare<[], { upstream: string; username: string; sealed: Buffer }>(
        'SELECT upstream, username, sealed FROM accounts',
      )
      .all();
    return rows
      .filter((row) => this.#openSealed(row.sealed) === undefined)
      .map((row) => `${row.username === '' ? 'token' : row.username} for ${row.upstream}`);
  }

  /** Undefined when the seal is not this key's: what was sealed elsewhere must not keep everything else from working. */
  #openSealed(sealed: Buffer): string | undefined {
    try {
      return this.#box.open(sealed);
    } catch {
      return undefined;
    }
  }

  putAccount(upstream: string, account: AccountSettings): void {
    const isToken = account.registryToken !== '';
    this.#db
      .prepare(
        `INSERT INTO accounts (upstream, path, username, kind, sealed) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (upstream, path, username) DO UPDATE SET kind = excluded.kind, sealed = excluded.sealed`,
      )
      .run(
        upstream,
        account.path,
        account.username,
        isToken ? 'token' : 'password',
        this.#box.seal(isToken ? account.registryToken : account.password),
      );
  }

  removeAccount(upstream: string, path: string, username: string): void {
    this.#db
      .prepare('DELETE FROM accounts WHERE upstream = ? AND path = ? AND username = ?')
      .run(upstream, path, username);
  }

  setting(name: string): string | undefined {
    return this.#db.prepare<[string], { value: string }>('SELECT value FROM settings WHERE name = ?').get(name)?.value;
  }

  setSetting(name: string, value: string): void {
    this.#db
      .prepare(
        'INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
      )
      .run(name, value);
  }
}
