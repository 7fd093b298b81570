import { ConfigError, RequestError } from '../errors.ts';
import type { AccountInput, AccountSettings, Settings, UpstreamInput, UpstreamSettings } from '../config/schema.ts';
import { account as accountSchema, upstream as schema } from '../config/schema.ts';
import { canonicalHost, starterUpstreams } from '../config/upstream-text.ts';
import type { UpstreamClient, UpstreamWatch } from './client.types.ts';
import { ContentRoutes } from './content-routes.ts';
import type { ContentMatch, RoutedTarget } from './content-routes.ts';
import { endpointsOf } from './names.ts';
import { unusableClient } from './unusable-client.ts';
import type { UpstreamStore } from './upstream-store.ts';

/** One upstream in use. */
export interface ActiveUpstream {
  readonly input: UpstreamInput;
  readonly settings: UpstreamSettings;
  readonly client: UpstreamClient;
}

export interface UpstreamSetParts {
  readonly settings: Pick<Settings, 'upstreams' | 'upstreamRegistry' | 'offline'>;
  /** Whether a person named the default upstream by flag or file. */
  readonly isDefaultGiven: boolean;
  readonly store: UpstreamStore;
  readonly createClient: (
    settings: UpstreamSettings,
    accounts: () => readonly AccountSettings[],
    watch: UpstreamWatch | undefined,
  ) => UpstreamClient;
  /** Who is told what happens to the upstream of this name; what is only tried is not watched. */
  readonly watch?: (name: string) => UpstreamWatch;
  /** Called after anything changed that may change an answer. */
  readonly onChange: () => void;
}

/**
 * The upstreams in use, by the name clients write. The settings file's list wins and locks the window's; without one the
 * window's list is used, which starts with the registries most people need.
 */
export class UpstreamSet {
  readonly #parts: UpstreamSetParts;
  readonly #active = new Map<string, ActiveUpstream>();
  #content: ContentRoutes | undefined;
  #isOffline: boolean;
  #defaultName: string;

  constructor(parts: UpstreamSetParts) {
    this.#parts = parts;
    this.#isOffline = parts.settings.offline || parts.store.setting('offline') === 'true';
    const chosen = this.isLocked || parts.isDefaultGiven ? undefined : parts.store.setting('defaultUpstream');
    this.#defaultName = canonicalHost(chosen ?? parts.settings.upstreamRegistry);
    this.#fill();
  }

  /** True when the settings file lists the upstreams: the window can't change them. */
  get isLocked(): boolean {
    return this.#parts.settings.upstreams !== undefined;
  }

  /** The global switch. */
  get isOffline(): boolean {
    return this.#isOffline;
  }

  /** Name of the upstream that unqualified names are looked up in; empty when there is none. */
  get defaultName(): string {
    return this.#defaultName;
  }

  find(name: string): ActiveUpstream | undefined {
    return this.#active.get(name);
  }

  /** The upstream of a target with its content rules applied; undefined when it has none, or it was removed. */
  of(target: RoutedTarget): Pick<ActiveUpstream, 'settings' | 'client'> | undefined {
    const upstream = target.upstream === undefined ? undefined : this.find(target.upstream);
    return upstream === undefined ? undefined : this.#routes.restrict(upstream, target);
  }

  /** Where a content rule leads a name of this mirror; undefined when none is about it. */
  matchContent(name: string): ContentMatch | undefined {
    return this.#routes.match(name);
  }

  /** In their order. */
  list(): readonly ActiveUpstream[] {
    return [...this.#active.values()];
  }

  accounts(name: string): readonly AccountSettings[] {
    const upstream = this.#active.get(name);
    if (upstream === undefined) return [];
    return [...upstream.settings.accounts, ...this.#parts.store.accounts(name)];
  }

  /** Accounts that must be entered again, for a person. */
  unreadableAccounts(): readonly string[] {
    return this.#parts.store.unreadableAccounts();
  }

  setOffline(offline: boolean): void {
    this.#isOffline = offline;
    this.#parts.store.setSetting('offline', String(offline));
    this.#parts.onChange();
  }

  /** @throws RequestError (DENIED when locked, NOT_FOUND) */
  setDefault(name: string): void {
    this.#refuseWhenLocked();
    this.#known(name);
    this.#defaultName = name;
    this.#parts.store.setSetting('defaultUpstream', name);
    this.#parts.onChange();
  }

  /** @throws RequestError (DENIED when locked, CONFLICT) */
  async add(input: UpstreamInput): Promise<ActiveUpstream> {
    this.#refuseWhenLocked();
    const named = { ...input, name: canonicalHost(input.name) };
    if (this.#active.has(named.name))
      throw new RequestError('CONFLICT', `an upstream named ${named.name} is there already`, { value: named.name });
    return this.#write(named, named.accounts ?? []);
  }

  /** @throws RequestError (DENIED when locked, NOT_FOUND, REQUEST_INVALID) */
  async update(name: string, input: UpstreamInput): Promise<ActiveUpstream> {
    this.#refuseWhenLocked();
    this.#known(name);
    if (input.name !== name)
      throw new RequestError('REQUEST_INVALID', 'an upstream cannot be renamed: its name is part of what is cached', {
        value: input.name,
      });
    return this.#write(input, []);
  }

  /**
   * Adds or replaces all of them with their accounts, or none, and puts them behind the others in this order. Accounts that a
   * replaced one has stay.
   * @throws RequestError (DENIED when locked), ConfigError when settings can't work, StorageError
   */
  async putAll(inputs: readonly UpstreamInput[]): Promise<void> {
    this.#refuseWhenLocked();
    const made: ActiveUpstream[] = [];
    try {
      // made first: settings that can't work must not be saved
      for (const { accounts: _accounts, ...input } of inputs) {
        const settings = schema.parse(input);
        made.push({ input, settings, client: this.#createClient(settings) });
      }
      this.#parts.store.putAll(
        inputs.map(({ accounts = [], ...input }) => ({
          input,
          accounts: accounts.map((account) => accountSchema.parse(account)),
        })),
      );
    } catch (error) {
      await Promise.all(made.map(({ client }) => client.close()));
      throw error;
    }
    const before = made.flatMap(({ settings: { name } }) => this.#active.get(name) ?? []);
    for (const upstream of made) {
      this.#active.delete(upstream.settings.name);
      this.#active.set(upstream.settings.name, upstream);
    }
    this.#content = undefined;
    this.#parts.onChange();
    await Promise.all(before.map(({ client }) => client.close()));
  }

  /** What is cached from it stays and is served; nothing new is asked. @throws RequestError (DENIED when locked, NOT_FOUND, CONFLICT) */
  async remove(name: string): Promise<void> {
    this.#refuseWhenLocked();
    const upstream = this.#known(name);
    if (name === this.#defaultName)
      throw new RequestError('CONFLICT', `${name} is the default upstream; choose another default first`, {
        value: name,
      });
    this.#parts.store.remove(name);
    this.#active.delete(name);
    this.#content = undefined;
    this.#parts.onChange();
    await upstream.client.close();
  }

  /** @throws RequestError (DENIED when locked, NOT_FOUND) */
  putAccount(name: string, account: AccountInput): void {
    this.#refuseWhenLocked();
    this.#known(name);
    this.#parts.store.putAccount(name, accountSchema.parse(account));
    this.#parts.onChange();
  }

  removeAccount(name: string, path: string, username: string): void {
    this.#refuseWhenLocked();
    this.#known(name);
    this.#parts.store.removeAccount(name, path, username);
    this.#parts.onChange();
  }

  /**
   * Puts them in this order, which is the one they are shown in and asked for a content rule in: where rules of several
   * are about the same name, the first of them gets it. One that only a flag names is stored with its place.
   * @throws RequestError (DENIED when locked, REQUEST_INVALID unless each is named once)
   */
  reorder(names: readonly string[]): void {
    this.#refuseWhenLocked();
    this.#refuseUnlessAll(names);
    const ordered = names.map((name) => this.#known(name));
    this.#parts.store.reorder(ordered.map(({ input }) => input));
    this.#active.clear();
    for (const upstream of ordered) this.#active.set(upstream.settings.name, upstream);
    this.#content = undefined;
    this.#parts.onChange();
  }

  /**
   * A client that is in no list, for testing settings before they are saved. Close it. Without accounts of their own the
   * settings get the stored ones, but only when they lead nowhere the stored upstream does not lead.
   */
  trial(input: UpstreamInput): UpstreamClient {
    const settings = schema.parse(input);
    const saved = this.#active.get(settings.name)?.settings;
    const stored = saved !== undefined && mayShareAccounts(saved, settings) ? this.accounts(settings.name) : [];
    const accounts = settings.accounts.length > 0 ? settings.accounts : stored;
    return this.#parts.createClient(settings, () => accounts, undefined);
  }

  async close(): Promise<void> {
    await Promise.all(this.list().map((upstream) => upstream.client.close()));
  }

  get #routes(): ContentRoutes {
    return (this.#content ??= new ContentRoutes(this.list()));
  }

  #fill(): void {
    const locked = this.#parts.settings.upstreams;
    if (locked !== undefined) {
      for (const settings of locked) this.#activate({ name: settings.name, urls: settings.urls }, settings);
    } else {
      if (this.#parts.store.setting('upstreamsStarted') === undefined) this.#writeStarters();
      for (const { input, settings } of this.#parts.store.list()) this.#activate(input, settings);
    }
    if (this.#defaultName !== '' && !this.#active.has(this.#defaultName))
      this.#activate({ name: this.#defaultName }, schema.parse({ name: this.#defaultName }));
  }

  #writeStarters(): void {
    for (const name of starterUpstreams) this.#parts.store.put({ name });
    this.#parts.store.setSetting('upstreamsStarted', 'true');
  }

  #activate(input: UpstreamInput, settings: UpstreamSettings): ActiveUpstream {
    const upstream = { input, settings, client: this.#createOrStandIn(settings) };
    this.#active.set(settings.name, upstream);
    this.#content = undefined;
    return upstream;
  }

  /** A certificate file that went missing since it was saved must not keep the mirror from starting. */
  #createOrStandIn(settings: UpstreamSettings): UpstreamClient {
    try {
      return this.#createClient(settings);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return unusableClient(settings.name, error);
    }
  }

  #createClient(settings: UpstreamSettings): UpstreamClient {
    const { createClient, watch } = this.#parts;
    return createClient(settings, () => this.accounts(settings.name), watch?.(settings.name));
  }

  async #write(input: UpstreamInput, accounts: readonly AccountInput[]): Promise<ActiveUpstream> {
    const { accounts: _accounts, ...rest } = input;
    const settings = schema.parse(rest);
    // made first: settings that can't work must not be saved
    const client = this.#createClient(settings);
    const before = this.#active.get(settings.name);
    this.#parts.store.put(rest);
    const upstream = { input: rest, settings, client };
    this.#active.set(settings.name, upstream);
    this.#content = undefined;
    for (const account of accounts) this.putAccount(settings.name, account);
    this.#parts.onChange();
    await before?.client.close();
    return upstream;
  }

  #refuseUnlessAll(names: readonly string[]): void {
    const problems = [
      ['unknown', names.filter((name) => !this.#active.has(name))],
      ['missing', [...this.#active.keys()].filter((name) => !names.includes(name))],
      ['named twice', names.filter((name, position) => names.indexOf(name) !== position)],
    ] as const;
    const said = problems.flatMap(([what, which]) => (which.length === 0 ? [] : [`${what}: ${which.join(', ')}`]));
    if (said.length > 0)
      throw new RequestError('REQUEST_INVALID', `the order must name each upstream once (${said.join('; ')})`, {
        value: names.join(', '),
      });
  }

  #known(name: string): ActiveUpstream {
    const upstream = this.#active.get(name);
    if (upstream === undefined)
      throw new RequestError('NOT_FOUND', `there is no upstream named ${name}`, { value: name });
    return upstream;
  }

  #refuseWhenLocked(): void {
    if (this.isLocked)
      throw new RequestError('DENIED', 'the upstreams are listed in the settings file; change them there and restart');
  }
}

/** True when the tried settings send what they are given to no place that the saved ones do not, and check it no less. */
function mayShareAccounts(saved: UpstreamSettings, tried: UpstreamSettings): boolean {
  const known = new Set(endpointsOf(saved.name, saved.urls).map(({ origin }) => origin));
  const endpoints = endpointsOf(tried.name, tried.urls);
  const isChecked = tried.tls.verify || !saved.tls.verify;
  // over plain HTTP, or unchecked TLS, a proxy can read what passes
  const isDirect = tried.proxy === saved.proxy || (tried.tls.verify && endpoints.every(({ isSecure }) => isSecure));
  return isChecked && isDirect && endpoints.every(({ origin }) => known.has(origin));
}
