/** One thing that goes, or went. */
export interface RemovedItem {
  /** `repository:tag`, `repository@digest`, `blob sha256:…` or a file. */
  readonly name: string;
  readonly why: string;
  /** Bytes on the disk that become free by it. */
  readonly bytes: number;
}

/** What housekeeping removes or removed; at most 1000 items are named. */
export interface RemovalReport {
  readonly items: readonly RemovedItem[];
  readonly itemsTotal: number;
  readonly freedBytes: number;
}

const itemLimit = 1000;

/** Gathers a {@link RemovalReport}. */
export class RemovalList {
  readonly #items: RemovedItem[] = [];
  #total = 0;
  #bytes = 0;

  add(name: string, why: string, bytes: number): void {
    this.#total += 1;
    this.#bytes += bytes;
    if (this.#items.length < itemLimit) this.#items.push({ name, why, bytes });
  }

  get report(): RemovalReport {
    return { items: [...this.#items], itemsTotal: this.#total, freedBytes: this.#bytes };
  }
}
