/** Who may write to an upload: one at a time, and the latest wins. */
export class UploadTurns {
  #current: { readonly interrupt: () => void; readonly done: Promise<void> } | undefined;

  get isBusy(): boolean {
    return this.#current !== undefined;
  }

  /** Interrupts whoever has the turn, waits for their end, and does `work`. */
  async take<T>(interrupt: () => void, work: () => Promise<T>): Promise<T> {
    await this.end();
    const { promise: done, resolve } = Promise.withResolvers<undefined>();
    this.#current = { interrupt, done: done.then(() => undefined) };
    try {
      return await work();
    } finally {
      this.#current = undefined;
      resolve(undefined);
    }
  }

  /** Interrupts whoever has the turn; resolves when nobody has it. */
  async end(): Promise<void> {
    while (this.#current !== undefined) {
      this.#current.interrupt();
      await this.#current.done;
    }
  }
}
