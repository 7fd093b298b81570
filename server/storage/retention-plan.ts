import type { RetentionRule } from '../config/schema.ts';
import { formatArtifactName } from '../oci/reference.ts';
import { decideUntagged, leavingManifests, reachIn } from './retention-graph.ts';
import type { RetentionGraph } from './retention-graph.ts';
import { compileRetention } from './retention-rules.ts';
import type { CompiledRetention, RetentionTag } from './retention-rules.ts';
import type { Leaving, RetentionNode, RetentionRepository, RetentionRows } from './retention-rows.ts';

/** One tag or manifest that goes. */
export interface LeavingItem {
  /** `repository:tag` or `repository@digest`. */
  readonly name: string;
  readonly leaving: Leaving;
  readonly why: string;
  /** Bytes on the disk that nothing else needs, or only what is before it in the plan. */
  readonly bytes: number;
}

/** What goes of one repository. */
export interface RepositoryPlan {
  readonly repository: RetentionRepository;
  readonly items: readonly LeavingItem[];
}

/** What goes, and what stays. */
export interface RetentionPlan {
  readonly plans: readonly RepositoryPlan[];
  /** Tags that stay, of the repositories that rules name. */
  readonly keptTags: number;
  /** Some of them; at most 1000. */
  readonly kept: readonly { readonly name: string; readonly why: string }[];
  /** Positions of the rules that decided about anything. */
  readonly decidedBy: ReadonlySet<number>;
}

/** Milliseconds since the epoch, and milliseconds. */
interface Moment {
  readonly now: number;
  readonly keepForMs: number;
}

type Chosen = Omit<LeavingItem, 'bytes'>;

const repositoriesAtOnce = 200;
/** Rows read or asked about in one turn: some 10 ms. */
const rowsAtOnce = 200;
const keptLimit = 1000;

/** Works out what retention rules remove of everything held, page by page, and how many bytes only that needs. */
export class RetentionPlanner {
  readonly #rows: RetentionRows;
  readonly #breathe: () => Promise<void>;
  readonly #compiled: CompiledRetention;
  readonly #at: Moment;
  readonly #chosen: { readonly repository: RetentionRepository; readonly items: readonly Chosen[] }[] = [];
  /** Digests of manifests that stay no longer than the history keeps them, by repository. */
  readonly #leaving = new Map<number, ReadonlySet<string>>();
  readonly #kept: { readonly name: string; readonly why: string }[] = [];
  readonly #decidedBy = new Set<number>();
  #keptTags = 0;
  #spent = 0;

  /** `breathe` lets others go on; it throws when this should end. */
  constructor(
    rows: RetentionRows,
    rules: readonly RetentionRule[],
    at: Moment & { readonly breathe: () => Promise<void> },
  ) {
    this.#rows = rows;
    this.#compiled = compileRetention(rules);
    this.#at = at;
    this.#breathe = at.breathe;
  }

  /** What the rules remove now; `tell` hears how many repositories were looked at. Call it once. */
  async plan(tell: (done: number) => void): Promise<RetentionPlan> {
    let done = 0;
    for (let page = this.#rows.repositories(0, repositoriesAtOnce); page.length > 0;) {
      for (const repository of page) if (this.#compiled.isAbout(repository.name)) await this.#choose(repository);
      done += page.length;
      tell(done);
      await this.#spend(rowsAtOnce);
      page = this.#rows.repositories(page.at(-1)?.id ?? 0, repositoriesAtOnce);
    }
    return {
      plans: await this.#measured(),
      keptTags: this.#keptTags,
      kept: this.#kept,
      decidedBy: this.#decidedBy,
    };
  }

  async #choose(repository: RetentionRepository): Promise<void> {
    const { id, name } = repository;
    const { now, keepForMs } = this.#at;
    const tags = this.#rows.tags(repository);
    await this.#spend(tags.length);
    const items = this.#chooseTags(name, tags, (digest) => this.#rows.holds(id, digest));
    const rule = this.#compiled.untaggedRule(name);
    if (items.length === 0 && rule === undefined) return;
    await this.#spend(tags.length);
    const graph = await this.#graph(repository, tags, items);
    const untagged = rule === undefined ? [] : decideUntagged(graph, { ...rule, now, keepForMs });
    await this.#spend(graph.nodes.size);
    for (const digest of untagged)
      items.push({
        name: formatArtifactName(name, digest),
        leaving: { kind: 'manifest', digest },
        why: rule?.why ?? '',
      });
    if (rule !== undefined && untagged.length > 0) this.#decidedBy.add(rule.position);
    if (items.length === 0) return;
    this.#chosen.push({ repository, items });
    this.#leaving.set(id, leavingManifests(graph, new Set(untagged)));
  }

  #chooseTags(repository: string, tags: readonly RetentionTag[], holds: (digest: string) => boolean): Chosen[] {
    const items: Chosen[] = [];
    for (const { tag, goes, rule, why } of this.#compiled.decide({ repository, tags, holds }, this.#at.now)) {
      const name = formatArtifactName(repository, tag.name);
      if (rule !== undefined) this.#decidedBy.add(rule);
      if (goes) items.push({ name, why, leaving: { ...tag, kind: 'tag' } });
      else {
        this.#keptTags += 1;
        if (this.#kept.length < keptLimit) this.#kept.push({ name, why });
      }
    }
    return items;
  }

  /** The repository as it is once the chosen tags are gone. */
  async #graph(
    repository: RetentionRepository,
    tags: readonly RetentionTag[],
    items: readonly Chosen[],
  ): Promise<RetentionGraph> {
    const gone = new Set(items.map(({ name }) => name));
    const staying = tags.filter((tag) => !gone.has(formatArtifactName(repository.name, tag.name)));
    const everTagged = new Map(this.#rows.tagged(repository.id));
    // once its last tag is gone, a manifest is kept from now on
    for (const { leaving } of items) everTagged.set(leaving.digest, this.#at.now);
    await this.#spend(tags.length);
    return {
      nodes: await this.#nodes(repository.id),
      isPinned: repository.isPinned,
      tagged: new Set(staying.map(({ digest }) => digest)),
      everTagged,
    };
  }

  async #nodes(repositoryId: number): Promise<ReadonlyMap<string, RetentionNode>> {
    const nodes = new Map<string, RetentionNode>();
    for (let page = this.#rows.nodes(repositoryId, '', rowsAtOnce); page.length > 0;) {
      for (const node of page) nodes.set(node.digest, node);
      if (page.length < rowsAtOnce) {
        await this.#spend(page.length);
        break;
      }
      await this.#spend(rowsAtOnce);
      page = this.#rows.nodes(repositoryId, page.at(-1)?.digest ?? '', rowsAtOnce);
    }
    return nodes;
  }

  /** The bytes each item frees that is chosen, counted once, at the first that leads to them. */
  async #measured(): Promise<RepositoryPlan[]> {
    const plans: RepositoryPlan[] = [];
    const seen = new Set<string>();
    const leaves = (id: number, manifest: string): boolean => this.#leaving.get(id)?.has(manifest) === true;
    for (const { repository, items } of this.#chosen) {
      // read again: all graphs at once would not fit in memory
      const nodes = await this.#nodes(repository.id);
      const reached = new Set<string>();
      const measured: LeavingItem[] = [];
      for (const item of items) {
        const manifests = reachIn(
          nodes,
          [item.leaving.digest],
          (digest) => leaves(repository.id, digest) && !reached.has(digest),
        );
        let bytes = 0;
        for (const manifest of manifests) {
          reached.add(manifest);
          for (const blob of nodes.get(manifest)?.blobs ?? []) {
            if (seen.has(blob)) continue;
            seen.add(blob);
            bytes += this.#rows.bytesFreedBy(blob, leaves);
            await this.#spend(1);
          }
        }
        measured.push({ ...item, bytes });
      }
      plans.push({ repository, items: measured });
    }
    return plans;
  }

  async #spend(rows: number): Promise<void> {
    this.#spent += rows;
    if (this.#spent < rowsAtOnce) return;
    this.#spent = 0;
    await this.#breathe();
  }
}
