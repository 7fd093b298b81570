import type { z } from 'zod';
import { settings as schema } from '../config/schema.ts';
import type { Settings } from '../config/schema.ts';
import { ConfigError } from '../errors.ts';
import type { SettingStore } from './setting-store.ts';

/** Settings that the window may change while the mirror runs. */
export const liveNames = ['storageCap', 'freeSpaceFloor', 'history', 'gc', 'retention', 'scrub'] as const;
export type LiveName = (typeof liveNames)[number];
type LiveInput = { readonly [N in LiveName]?: z.input<(typeof schema.shape)[N]> };

/**
 * Housekeeping's settings as they hold now: a flag or the settings file wins over the window, which wins over the default.
 * Readers ask each time, so that a change holds at once.
 */
export class LiveSettings {
  readonly #store: SettingStore;
  readonly #given: ReadonlySet<string>;
  readonly #listeners = new Set<() => void>();
  #values: Pick<Settings, LiveName>;

  constructor(settings: Settings, given: ReadonlySet<string>, store: SettingStore) {
    this.#store = store;
    this.#given = given;
    this.#values = this.#read(settings);
  }

  /** Durations in milliseconds, sizes in bytes. */
  get values(): Pick<Settings, LiveName> {
    return this.#values;
  }

  /** Whether a flag or the settings file gives it, so that it can't be changed here. */
  isLocked(name: LiveName): boolean {
    return this.#given.has(name);
  }

  /** As the window wrote it; undefined when it never did. */
  written<N extends LiveName>(name: N): LiveInput[N] | undefined {
    const text = this.isLocked(name) ? undefined : this.#store.get(name);
    // only what passed the schema is stored
    return text === undefined ? undefined : (JSON.parse(text) as LiveInput[N]);
  }

  /**
   * Keeps one setting, as a person writes it, and tells the listeners.
   * @throws ConfigError (CONFIG_INVALID) when it is locked or is not one
   */
  set<N extends LiveName>(name: N, input: LiveInput[N]): void {
    if (this.isLocked(name))
      throw new ConfigError([`${name} is given by a flag or the settings file; change it there.`], { value: name });
    const read = schema.shape[name].safeParse(input);
    if (!read.success)
      throw new ConfigError(
        read.error.issues.map((issue) => `${[name, ...issue.path].join('.')}: ${issue.message}.`),
        { value: name },
      );
    this.#store.set(name, JSON.stringify(input));
    this.#values = { ...this.#values, [name]: read.data };
    for (const listener of this.#listeners) listener();
  }

  /** Calls `listener` after each change; returns the way to stop. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #read(settings: Settings): Pick<Settings, LiveName> {
    const { storageCap, freeSpaceFloor, history, gc, retention, scrub } = settings;
    const values = { storageCap, freeSpaceFloor, history, gc, retention, scrub };
    for (const name of liveNames) {
      const read = schema.shape[name].safeParse(this.written(name));
      if (this.written(name) !== undefined && read.success) Object.assign(values, { [name]: read.data });
    }
    return values;
  }
}
