import type { Graph } from '../support/image-builder.ts';

/** What a name may lead to: one graph, nothing, or, when an answer never came, one of several. */
type Candidates = ReadonlySet<Graph | undefined>;

/** What the registry acknowledged, and what it may have done without saying so. */
export class Ledger {
  readonly #names = new Map<string, Candidates>();
  readonly #locks = new Map<string, Promise<unknown>>();
  /** Digests somebody deleted; a pull of one may fail. */
  readonly deleted = new Set<string>();
  /** Manifests whose own push was acknowledged or may have happened, of graphs that were never completed. */
  readonly #loose = new Set<Graph>();

  /** Runs one piece of work at a time per key. */
  async alone<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#locks.get(key) ?? Promise.resolve();
    const turn = before.then(work, work);
    const settled = turn.catch(() => undefined);
    this.#locks.set(key, settled);
    try {
      return await turn;
    } finally {
      if (this.#locks.get(key) === settled) this.#locks.delete(key);
    }
  }

  /** `name` is `repository:tag` or `repository@digest`. */
  candidates(name: string): Candidates {
    return this.#names.get(name) ?? new Set([undefined]);
  }

  /** The graph a name leads to for certain. */
  certain(name: string): Graph | undefined {
    const [first, ...more] = this.candidates(name);
    return more.length === 0 ? first : undefined;
  }

  /** The registry said so. */
  settle(name: string, graph: Graph | undefined): void {
    if (graph === undefined) this.#names.delete(name);
    else this.#names.set(name, new Set([graph]));
  }

  /** The registry was asked and its answer never came. */
  doubt(name: string, graph: Graph | undefined): void {
    this.#names.set(name, new Set([...this.candidates(name), graph]));
  }

  /** A graph whose parts may be here for good: they were pushed by digest and what was to lead to them never came. */
  loosen(graph: Graph): void {
    this.#loose.add(graph);
  }

  /** Names that lead to something, or may. */
  names(): string[] {
    return [...this.#names.keys()];
  }

  /** Whether any name of the repository but one may lead to the digest. */
  isElsewhere(repository: string, digest: string, but: string): boolean {
    return [...this.#names].some(
      ([name, candidates]) =>
        name !== but &&
        (name.startsWith(`${repository}:`) || name.startsWith(`${repository}@`)) &&
        [...candidates].some((graph) => graph?.digest === digest),
    );
  }

  /** Digests of all blobs that must, or may, be held. */
  blobs(): Set<string> {
    const graphs = [...[...this.#names.values()].flatMap((candidates) => [...candidates]), ...this.#loose];
    return new Set(graphs.flatMap((graph) => [...(graph?.blobs.keys() ?? [])]));
  }
}
