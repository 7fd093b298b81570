import type { Mirror } from '../server/app.types.ts';

/** The mirror's own account of itself (`getStatus` of the admin API). */
export type Status = ReturnType<Mirror['status']>;

/** Why the mirror does not run, for a person. `code` is one of the product's error codes when it was foreseen. */
export interface HostFailure {
  readonly code: string | undefined;
  readonly message: string;
}

/** Where the embedded mirror is in its life. `running` is the only state in which there is a window to show. */
export type HostState =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'starting' }
  | { readonly kind: 'running'; readonly status: Status }
  | { readonly kind: 'stopping' }
  | { readonly kind: 'failed'; readonly failure: HostFailure };

/** Starts, stops and watches the embedded mirror; its state is all that tray and window ever look at. */
export class MirrorHost {
  readonly #createMirror: () => Promise<Mirror>;
  readonly #listeners = new Set<(state: HostState) => void>();
  #state: HostState = { kind: 'stopped' };
  #mirror: Mirror | undefined;
  #stopWatching: (() => void) | undefined;
  /** Starts and stops run one after the other: two mirrors must never meet on one data directory. */
  #queue: Promise<void> = Promise.resolve();

  /** `createMirror` reads the settings anew at every start, so a person can mend them and try again. */
  constructor(createMirror: () => Promise<Mirror>) {
    this.#createMirror = createMirror;
  }

  get state(): HostState {
    return this.#state;
  }

  /** Address of the window's pages while the mirror runs. */
  get adminUrl(): string | undefined {
    return this.#state.kind === 'running' ? this.#mirror?.adminUrl : undefined;
  }

  /** Starts the mirror unless it runs. Never rejects: a failure becomes the state `failed`, and `start` may be called again. */
  start(): Promise<void> {
    return this.#enqueue(() => this.#startNow());
  }

  /** Stops the mirror, giving transfers `graceMs`. Never rejects: what could not be closed cleanly is in the state. */
  stop(graceMs?: number): Promise<void> {
    return this.#enqueue(() => this.#stopNow(graceMs));
  }

  /** Opens or closes the listener for clients; nothing happens unless the mirror runs. Rejects when the mirror refuses. */
  async setServing(isServing: boolean): Promise<void> {
    await this.#runningMirror()?.setServing(isServing);
  }

  /** The global offline switch; nothing happens unless the mirror runs. Rejects when the mirror refuses. */
  async setOffline(isOffline: boolean): Promise<void> {
    await this.#runningMirror()?.setOffline(isOffline);
  }

  /** Calls `listener` after every change of state; returns the way to stop. */
  onChange(listener: (state: HostState) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  #runningMirror(): Mirror | undefined {
    return this.#state.kind === 'running' ? this.#mirror : undefined;
  }

  async #startNow(): Promise<void> {
    if (this.#state.kind === 'running') return;
    this.#become({ kind: 'starting' });
    try {
      this.#mirror = await this.#createStarted();
    } catch (error) {
      this.#become({ kind: 'failed', failure: describeFailure(error) });
      return;
    }
    this.#stopWatching = this.#mirror.onStatus((status) => {
      if (this.#state.kind === 'running') this.#become({ kind: 'running', status });
    });
    this.#become({ kind: 'running', status: this.#mirror.status() });
  }

  async #createStarted(): Promise<Mirror> {
    const mirror = await this.#createMirror();
    try {
      await mirror.start();
      return mirror;
    } catch (error) {
      // whatever it had opened must be free for the next try; the first failure is the one to tell
      await mirror.stop(0).catch(() => undefined);
      throw error;
    }
  }

  async #stopNow(graceMs: number | undefined): Promise<void> {
    const mirror = this.#mirror;
    if (mirror === undefined) {
      this.#become({ kind: 'stopped' });
      return;
    }
    this.#become({ kind: 'stopping' });
    this.#stopWatching?.();
    this.#mirror = undefined;
    try {
      await mirror.stop(graceMs);
      this.#become({ kind: 'stopped' });
    } catch (error) {
      this.#become({ kind: 'failed', failure: describeFailure(error) });
    }
  }

  #enqueue(task: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(task);
    return this.#queue;
  }

  #become(state: HostState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }
}

/** What went wrong, in the words the error brought; the product's errors say what happened, why and what to do. */
export function describeFailure(error: unknown): HostFailure {
  if (!(error instanceof Error)) return { code: undefined, message: String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return { code, message: error.message };
}
