import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database, Statement } from '../db/database.ts';
import type { Clock } from '../lib/clock.ts';

/** What blobs are for; bytes on the disk. */
export interface UseFigures {
  /** Blobs of pinned content. */
  readonly pinnedBytes: number;
  /** Blobs that only earlier or deleted content needs. */
  readonly keptBytes: number;
}

interface Node {
  readonly repository: number;
  readonly digest: string;
}

const turnMs = 8;
const pageRows = 500;
/** Not counted anew within this: it reads everything that is pinned or kept. */
const freshMs = 4000;

/** Counts what is pinned and what is kept to be gone back to, in turns that keep nobody waiting. */
export class StorageUse {
  readonly #clock: Clock;
  readonly #pinned: Statement<[], Node>;
  readonly #ended: Statement<[number], Node & { readonly id: number }>;
  readonly #deleted: Statement<[], Node>;
  readonly #parts: Statement<[Node], { digest: string }>;
  readonly #attached: Statement<[Node], { digest: string }>;
  readonly #isLive: Statement<[Node], { one: number }>;
  readonly #blobs: Statement<[string], { digest: string; size: number }>;
  readonly #users: Statement<[string], Node>;
  #last: { readonly at: number; readonly figures: Promise<UseFigures> } | undefined;

  constructor(db: Database, clock: Clock) {
    this.#clock = clock;
    this.#pinned = db.prepare(
      `SELECT m.repository_id AS repository, m.digest FROM repositories r JOIN repository_manifests m ON m.repository_id = r.id WHERE r.pinned <> 0
       UNION SELECT repository_id, digest FROM tags WHERE pinned <> 0
       UNION SELECT repository_id, digest FROM repository_manifests WHERE pinned <> 0`,
    );
    this.#ended = db.prepare(
      `SELECT h.id, h.repository_id AS repository, h.digest FROM tag_history h
       JOIN repository_manifests m ON m.repository_id = h.repository_id AND m.digest = h.digest
       WHERE h.id > ? AND h.ended_at IS NOT NULL ORDER BY h.id LIMIT ${String(pageRows)}`,
    );
    this.#deleted = db.prepare('SELECT repository_id AS repository, digest FROM deleted_manifests');
    const held = 'CROSS JOIN repository_manifests l ON l.repository_id = @repository AND l.digest =';
    this.#parts = db.prepare(
      `SELECT f.child AS digest FROM manifest_references f ${held} f.child WHERE f.parent = @digest AND f.kind = 'manifest'`,
    );
    this.#attached = db.prepare(`SELECT m.digest FROM manifests m ${held} m.digest WHERE m.subject = @digest`);
    this.#isLive = db.prepare(
      `SELECT 1 AS one FROM tags t WHERE t.repository_id = @repository AND (t.digest = @digest
         OR t.digest IN (SELECT parent FROM manifest_references WHERE child = @digest AND kind = 'manifest'))
       UNION ALL SELECT 1 FROM repository_manifests m WHERE m.repository_id = @repository AND m.digest = @digest AND m.pinned <> 0 LIMIT 1`,
    );
    this.#blobs = db.prepare(
      `SELECT DISTINCT b.digest, b.size FROM manifest_references f JOIN blobs b ON b.digest = f.child
       WHERE f.parent = ? AND f.kind <> 'manifest'`,
    );
    this.#users = db.prepare(
      `SELECT l.repository_id AS repository, l.digest FROM manifest_references f JOIN repository_manifests l ON l.digest = f.parent
       WHERE f.child = ? AND f.kind <> 'manifest'`,
    );
  }

  /** The figures, a few seconds old at most. */
  figures(): Promise<UseFigures> {
    const now = this.#clock.monotonic();
    if (this.#last !== undefined && now - this.#last.at < freshMs) return this.#last.figures;
    const figures = this.#count();
    this.#last = { at: now, figures };
    figures.catch(() => {
      this.#last = undefined;
    });
    return figures;
  }

  async #count(): Promise<UseFigures> {
    const turn = new Turn(this.#clock);
    const pinned = await this.#reach(this.#pinned.all(), turn, () => true);
    const earlier = await this.#reach(await this.#earlier(turn), turn, (node) => this.#isLive.get(node) === undefined);
    let pinnedBytes = 0;
    for (const size of (await this.#blobsOf(pinned, turn)).values()) pinnedBytes += size;
    let keptBytes = 0;
    for (const [digest, size] of await this.#blobsOf(earlier, turn)) {
      await turn.over();
      if (!this.#isUsed(digest, earlier)) keptBytes += size;
    }
    return { pinnedBytes, keptBytes };
  }

  async #earlier(turn: Turn): Promise<Node[]> {
    const found = this.#deleted.all();
    for (let after = 0; ;) {
      const page = this.#ended.all(after);
      for (const { repository, digest } of page) {
        if (this.#isLive.get({ repository, digest }) === undefined) found.push({ repository, digest });
      }
      const last = page.at(-1);
      if (last === undefined) return found;
      after = last.id;
      await turn.over();
    }
  }

  async #reach(roots: readonly Node[], turn: Turn, mayEnter: (node: Node) => boolean): Promise<Map<string, Node>> {
    const reached = new Map<string, Node>();
    const waiting = [...roots];
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      await turn.over();
      if (reached.has(keyOf(node))) continue;
      reached.set(keyOf(node), node);
      const { repository } = node;
      for (const { digest } of [...this.#parts.all(node), ...this.#attached.all(node)])
        if (mayEnter({ repository, digest })) waiting.push({ repository, digest });
    }
    return reached;
  }

  async #blobsOf(nodes: ReadonlyMap<string, Node>, turn: Turn): Promise<Map<string, number>> {
    const sizes = new Map<string, number>();
    for (const { digest } of nodes.values()) {
      await turn.over();
      for (const blob of this.#blobs.iterate(digest)) sizes.set(blob.digest, blob.size);
    }
    return sizes;
  }

  #isUsed(blob: string, besides: ReadonlyMap<string, Node>): boolean {
    for (const user of this.#users.iterate(blob)) if (!besides.has(keyOf(user))) return true;
    return false;
  }
}

/** Lets others have a turn when this one has lasted long enough. */
class Turn {
  readonly #clock: Clock;
  #since: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.monotonic();
  }

  async over(): Promise<void> {
    if (this.#clock.monotonic() - this.#since < turnMs) return;
    await nextTurn();
    this.#since = this.#clock.monotonic();
  }
}

function keyOf({ repository, digest }: Node): string {
  return `${String(repository)} ${digest}`;
}
