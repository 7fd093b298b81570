import { setTimeout as wait } from 'node:timers/promises';
import { routes } from '../../server/api/contract.ts';
import { contentOf, randomContent } from '../support/content.ts';
import { compareDisk } from '../support/disk-check.ts';
import type { DiskDifference } from '../support/disk-check.ts';
import { image, index } from '../support/image-builder.ts';
import type { Graph } from '../support/image-builder.ts';
import type { MirrorProcess } from '../support/mirror-process.ts';
import { PullError, pullGraph } from '../support/pull-graph.ts';
import { Ledger } from './ledger.ts';
import { Broken, RegistryClient, TooLate, Unreachable, expectStatus } from './registry-client.ts';
import type { BlobRoute } from './registry-client.ts';

/** Short times, so that everything comes to its end within the run. */
export const soakTimes = { delayMs: 4000, keepForMs: 4000, everyMs: 3000 };

/** Settings of a mirror under soak. */
export const soakSettings = {
  gc: { every: `${String(soakTimes.everyMs)}ms`, delay: `${String(soakTimes.delayMs)}ms` },
  history: { keepFor: `${String(soakTimes.keepForMs)}ms` },
  uploads: { expireAfter: '10s' },
  log: { level: 'warn' },
} as const;

export interface SoakOptions {
  readonly seconds: number;
  readonly kills: number;
  readonly workers: number;
  readonly seed: string;
}

/** What was done, and what was wrong. */
export interface SoakResult {
  readonly counts: Readonly<Record<string, number>>;
  /** What must not have happened. */
  readonly violations: readonly string[];
  /** Names that were pulled at the end, byte by byte. */
  readonly verified: number;
  readonly disk: DiskDifference;
  /** Blobs with a row that nothing acknowledged or begun explains. */
  readonly unexplained: readonly string[];
}

const repositories = Array.from({ length: 6 }, (_, number) => `soak/app${String(number)}`);
const tags = Array.from({ length: 8 }, (_, number) => `t${String(number)}`);
const blobRoutes: readonly BlobRoute[] = ['head', 'mount', 'post', 'chunked'];
const shared = Array.from({ length: 20 }, (_, number) => `shared layer ${String(number)} `.repeat(50 + number * 40));

/** Pushes, pulls, deletes, moves tags and gives uploads up, with collections and kill -9 in between; then looks at all of it. */
export class Soak {
  readonly #mirror: MirrorProcess;
  readonly #options: SoakOptions;
  readonly #ledger = new Ledger();
  readonly #client: RegistryClient;
  readonly #counts: Record<string, number> = {};
  readonly #violations: string[] = [];
  #up: Promise<void> = Promise.resolve();
  #kills = 0;
  #serial = 0;
  #isOver = false;

  constructor(mirror: MirrorProcess, options: SoakOptions) {
    this.#mirror = mirror;
    this.#options = options;
    this.#client = new RegistryClient(mirror.url);
  }

  async run(): Promise<SoakResult> {
    const { seconds, kills, workers } = this.#options;
    const working = Array.from({ length: workers }, () => this.#work());
    for (let number = 0; number < kills; number += 1) {
      await wait((seconds * 1000) / (kills + 1));
      await this.#crash();
    }
    await wait((seconds * 1000) / (kills + 1));
    this.#isOver = true;
    await Promise.all(working);
    const verified = await this.#verify();
    // nothing is kept any longer, no promise holds, every given up upload has expired
    await wait(Math.max(soakTimes.delayMs + soakTimes.keepForMs, 10_000) + 500);
    await this.#mirror.stop();
    await this.#mirror.start();
    await wait(soakTimes.delayMs + 200);
    const last = await this.#collect();
    this.#counts['bytes freed by the last collection'] = last.freedBytes;
    const again = await this.#verify();
    if (again !== verified) this.#violations.push(`${String(again)} of ${String(verified)} names are left at the end`);
    const disk = compareDisk(this.#mirror.dataDirectory);
    return { counts: this.#counts, violations: this.#violations, verified, disk, unexplained: this.#unexplained(disk) };
  }

  #unexplained({ rows }: DiskDifference): string[] {
    const explained = this.#ledger.blobs();
    return rows.filter((digest) => !explained.has(digest));
  }

  async #work(): Promise<void> {
    while (!this.#isOver) {
      await this.#up;
      await wait(Math.random() * 15);
      await this.#attempt();
    }
  }

  async #attempt(): Promise<void> {
    const [name, act] = this.#pick();
    try {
      await act();
      this.#count(name);
    } catch (error) {
      if (error instanceof Unreachable) this.#count('interrupted');
      else if (error instanceof TooLate) this.#count('pushed again because it took too long');
      else this.#violations.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      if (error instanceof Unreachable) await wait(50);
    }
  }

  #pick(): readonly [string, () => Promise<void>] {
    const repository = oneOf(repositories);
    const tag = oneOf(tags);
    const acts: readonly (readonly [number, string, () => Promise<void>])[] = [
      [30, 'pushes', () => this.#push(repository, tag)],
      [6, 'pushes by digest', () => this.#pushByDigest(repository)],
      [30, 'pulls', () => this.#pull(repository, tag)],
      [12, 'pulls beside changes', () => this.#pullBeside(repository, tag)],
      [8, 'tags deleted', () => this.#deleteTag(repository, tag)],
      [5, 'manifests deleted', () => this.#deleteManifest(repository, tag)],
      [6, 'tags moved back', () => this.#retag(repository, tag)],
      [5, 'uploads given up', () => this.#client.giveUp(repository, oneOf(['cancelled', 'forgotten', 'cut'] as const))],
      [2, 'collections asked for', () => this.#collect().then(() => undefined)],
    ];
    let left = Math.random() * acts.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, name, act] of acts) {
      left -= weight;
      if (left <= 0) return [name, act];
    }
    return ['pulls', () => this.#pull(repository, tag)];
  }

  async #push(repository: string, tag: string): Promise<void> {
    const name = `${repository}:${tag}`;
    await this.#ledger.alone(name, async () => {
      const graph = this.#newGraph();
      await this.#upload(repository, graph);
      await this.#putManifest(name, repository, tag, graph);
    });
  }

  async #pushByDigest(repository: string): Promise<void> {
    const graph = this.#newGraph();
    const name = `${repository}@${graph.digest}`;
    await this.#upload(repository, graph);
    await this.#putManifest(name, repository, graph.digest, graph);
    if (Math.random() < 0.8) await this.#deleteByDigest(repository, graph.digest, name);
  }

  /** What is below the top manifest; sometimes the client then takes its time. */
  async #upload(repository: string, graph: Graph): Promise<void> {
    const begunAt = performance.now();
    try {
      for (const [digest, content] of graph.blobs)
        await this.#client.bring({ repository, digest, content }, oneOf(blobRoutes), oneOf(repositories));
      if (Math.random() < 0.1) await wait(Math.random() * soakTimes.delayMs * 1.5);
      for (const child of graph.children) await this.#putBytes(repository, child.digest, child, begunAt);
      await this.#checkUploaded(repository, graph, begunAt);
    } catch (error) {
      if (graph.children.length > 0) this.#ledger.loosen(graph);
      throw error;
    }
  }

  /** A client that was told that a blob is here finds it here as long as gc.delay says. */
  async #checkUploaded(repository: string, graph: Graph, begunAt: number): Promise<void> {
    if (Math.random() > 0.2) return;
    const [digest = ''] = graph.blobs.keys();
    const { status } = await this.#client.ask('HEAD', `/v2/${repository}/blobs/${digest}`);
    if (status === 404 && !isInTime(begunAt)) throw new TooLate(digest);
    expectStatus('HEAD of a blob that was just brought', status, 200);
  }

  async #putManifest(name: string, repository: string, reference: string, graph: Graph): Promise<void> {
    try {
      await this.#putBytes(repository, reference, graph, performance.now() - soakTimes.delayMs);
      this.#ledger.settle(name, graph);
    } catch (error) {
      if (error instanceof Unreachable) this.#ledger.doubt(name, graph);
      if (graph.children.length > 0) this.#ledger.loosen(graph);
      throw error;
    }
  }

  async #putBytes(repository: string, reference: string, graph: Graph, begunAt: number): Promise<void> {
    const { status, text } = await this.#client.ask('PUT', `/v2/${repository}/manifests/${reference}`, graph.bytes, {
      'content-type': graph.mediaType,
    });
    if (text.includes('MANIFEST_BLOB_UNKNOWN') && !isInTime(begunAt)) throw new TooLate(text);
    expectStatus(`PUT of a manifest ${text}`, status, 201);
  }

  async #pull(repository: string, tag: string): Promise<void> {
    const name = `${repository}:${tag}`;
    await this.#ledger.alone(name, async () => {
      const wanted = this.#ledger.certain(name);
      if (wanted !== undefined) await this.#pullWhole(name, wanted.digest);
    });
  }

  async #pullWhole(name: string, digest: string): Promise<void> {
    const pulled = await reachable(() => pullGraph(this.#mirror.url, name));
    if (pulled.digest !== digest) throw new Broken(`${name} is ${pulled.digest} instead of ${digest}`);
  }

  /** While others move and delete the tag: what a client was given as its manifest can be pulled to the end. */
  async #pullBeside(repository: string, tag: string): Promise<void> {
    const begunAt = performance.now();
    const kills = this.#kills;
    const { status, headers } = await this.#client.ask('HEAD', `/v2/${repository}/manifests/${tag}`);
    if (status !== 200) return;
    const digest = headers.get('docker-content-digest') ?? '';
    try {
      await this.#pullWhole(`${repository}@${digest}`, digest);
    } catch (error) {
      const mayFail = this.#ledger.deleted.has(digest) || this.#kills !== kills || !isInTime(begunAt);
      if (!(error instanceof PullError) || !mayFail) throw error;
    }
  }

  async #deleteTag(repository: string, tag: string): Promise<void> {
    const name = `${repository}:${tag}`;
    await this.#ledger.alone(name, async () => {
      if (this.#ledger.certain(name) === undefined) return;
      await this.#delete(name, `/v2/${repository}/manifests/${tag}`);
    });
  }

  async #deleteManifest(repository: string, tag: string): Promise<void> {
    const name = `${repository}:${tag}`;
    await this.#ledger.alone(repository, () =>
      this.#ledger.alone(name, async () => {
        const graph = this.#ledger.certain(name);
        if (graph === undefined || this.#ledger.isElsewhere(repository, graph.digest, name)) return;
        await this.#deleteByDigest(repository, graph.digest, name);
      }),
    );
  }

  async #deleteByDigest(repository: string, digest: string, name: string): Promise<void> {
    this.#ledger.deleted.add(digest);
    await this.#delete(name, `/v2/${repository}/manifests/${digest}`);
  }

  async #delete(name: string, path: string): Promise<void> {
    try {
      const { status, text } = await this.#client.ask('DELETE', path);
      expectStatus(`DELETE ${path} ${text}`, status, 202);
      this.#ledger.settle(name, undefined);
    } catch (error) {
      if (error instanceof Unreachable) this.#ledger.doubt(name, undefined);
      throw error;
    }
  }

  /** Points a tag at what another one of the repository has. */
  async #retag(repository: string, tag: string): Promise<void> {
    const source = `${repository}:${oneOf(tags)}`;
    const name = `${repository}:${tag}`;
    if (source === name) return;
    await this.#ledger.alone(repository, () =>
      this.#ledger.alone(name, async () => {
        const graph = this.#ledger.certain(source);
        if (graph !== undefined) await this.#moveBack(name, repository, tag, graph);
      }),
    );
  }

  async #moveBack(name: string, repository: string, tag: string, graph: Graph): Promise<void> {
    const { status, headers } = await this.#client.ask('HEAD', `/v2/${repository}/manifests/${graph.digest}`);
    if (status !== 200 || headers.get('docker-content-digest') !== graph.digest) return;
    await this.#putManifest(name, repository, tag, graph);
  }

  #newGraph(): Graph {
    this.#serial += 1;
    const seed = `${this.#options.seed} ${String(this.#serial)}`;
    const one = (name: string): Graph => {
      const size = Math.random() < 0.03 ? 1_500_000 : 500 + Math.floor(Math.random() * 40_000);
      const layers = [{ content: randomContent(name, size) }, { content: contentOf(oneOf(shared)) }];
      return image({ layers: Math.random() < 0.3 ? [...layers, oneOf(shared)] : layers, annotations: { name } });
    };
    return Math.random() < 0.15 ? index([one(`${seed} a`), one(`${seed} b`)]) : one(seed);
  }

  async #crash(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#up = promise.then(() => undefined);
    this.#kills += 1;
    await this.#mirror.kill9();
    await this.#mirror.start();
    this.#count('kill -9');
    resolve(undefined);
  }

  async #collect(): Promise<{ readonly freedBytes: number }> {
    try {
      const { method, path } = routes.collectGarbage;
      const answer = await fetch(new URL(path, this.#mirror.adminUrl), {
        method,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ dryRun: Math.random() < 0.2 && !this.#isOver }),
      });
      const text = await answer.text();
      expectStatus(`a collection ${text}`, answer.status, 200);
      return routes.collectGarbage.response.parse(JSON.parse(text));
    } catch (error) {
      throw error instanceof Broken ? error : new Unreachable('a collection', { cause: error });
    }
  }

  /** Everything that was acknowledged, and of what is in doubt one of the possible. */
  async #verify(): Promise<number> {
    let verified = 0;
    for (const name of this.#ledger.names()) {
      const possible = [...this.#ledger.candidates(name)];
      try {
        const { digest } = await pullGraph(this.#mirror.url, name);
        const found = possible.find((graph) => graph?.digest === digest);
        if (found === undefined) throw new Broken(`${name} is ${digest}, which nobody put there`);
        this.#ledger.settle(name, found);
        verified += 1;
      } catch (error) {
        const isGone = error instanceof PullError && error.status === 404 && possible.includes(undefined);
        if (isGone) this.#ledger.settle(name, undefined);
        else this.#violations.push(`at the end ${name}: ${String(error)}`);
      }
    }
    return verified;
  }

  #count(what: string): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + 1;
  }
}

/** fetch tells a connection that was cut as a TypeError. @throws Unreachable */
async function reachable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TypeError) throw new Unreachable('a pull', { cause: error });
    throw error;
  }
}

/** Whether what was told since then must still hold. */
function isInTime(begunAt: number): boolean {
  return performance.now() - begunAt < soakTimes.delayMs * 0.9;
}

function oneOf<T>(list: readonly T[]): T {
  const one = list[Math.floor(Math.random() * list.length)];
  if (one === undefined) throw new Error('nothing to choose from');
  return one;
}
