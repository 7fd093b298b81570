import type { RetentionNode } from './retention-rows.ts';

/** The manifests of a repository and what is known of their tags. */
export interface RetentionGraph {
  readonly nodes: ReadonlyMap<string, RetentionNode>;
  /** Whether the repository itself is pinned. */
  readonly isPinned: boolean;
  /** Digests that have a tag. */
  readonly tagged: ReadonlySet<string>;
  /** Digests that once had a tag, and when the last one left; undefined while there is one. */
  readonly everTagged: ReadonlyMap<string, number | undefined>;
}

/** When it is decided (milliseconds since the epoch), and the times that hold. */
interface UntaggedMoment {
  readonly now: number;
  /** How long one stays that nobody uses. */
  readonly afterMs: number;
  /** How long the earlier content of a tag is kept. */
  readonly keepForMs: number;
}

/**
 * Which manifests without a tag go: nothing that stays lists them or is what they are attached to, nobody used them for the
 * rule's time, they are not pinned, and they are not the earlier content of a tag, which is kept for its own time. In an
 * order in which each can be removed: what leads to one comes before it. PURE.
 */
export function decideUntagged(graph: RetentionGraph, rule: UntaggedMoment): string[] {
  const goes = new Set<string>();
  if (graph.isPinned) return [];
  const parents = parentsOf(graph.nodes);
  const waiting = [...graph.nodes.keys()];
  // grows while it is walked
  for (const digest of waiting) {
    const node = graph.nodes.get(digest);
    if (node === undefined || goes.has(digest) || !isOld(graph, node, rule)) continue;
    const leaders = [...(parents.get(digest) ?? []), ...(node.subject === undefined ? [] : [node.subject])];
    if (leaders.some((leader) => graph.nodes.has(leader) && !goes.has(leader))) continue;
    goes.add(digest);
    // what it led to may be led to by nothing now
    waiting.push(...node.children, ...attachedTo(graph.nodes, digest));
  }
  return [...goes];
}

function isOld(graph: RetentionGraph, node: RetentionNode, at: UntaggedMoment): boolean {
  if (node.isPinned || graph.tagged.has(node.digest)) return false;
  const left = graph.everTagged.get(node.digest) ?? 0;
  if (left > 0 && at.now - left < at.keepForMs) return false;
  return at.now - Math.max(node.firstSeenAt, node.lastPulledAt ?? 0, left) >= at.afterMs;
}

/**
 * The manifests that stay no longer than the history keeps them, once `gone` have no tag: all that neither a tag, nor a pin,
 * nor a manifest that was never tagged leads to. PURE.
 */
export function leavingManifests(graph: RetentionGraph, gone: ReadonlySet<string>): ReadonlySet<string> {
  if (graph.isPinned) return new Set();
  const parents = parentsOf(graph.nodes);
  const roots = [...graph.nodes.values()].filter(({ digest, isPinned, subject }) => {
    if (isPinned || graph.tagged.has(digest)) return true;
    if (gone.has(digest) || graph.everTagged.has(digest)) return false;
    return !parents.has(digest) && (subject === undefined || !graph.nodes.has(subject));
  });
  const stays = reachIn(
    graph.nodes,
    roots.map(({ digest }) => digest),
  );
  return new Set([...graph.nodes.keys()].filter((digest) => !stays.has(digest)));
}

/** The manifests that `roots` lead to: themselves, what they list, and what is attached to any of these. PURE. */
export function reachIn(
  nodes: ReadonlyMap<string, RetentionNode>,
  roots: readonly string[],
  may: (digest: string) => boolean = () => true,
): ReadonlySet<string> {
  const reached = new Set<string>();
  const waiting = [...roots];
  for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
    const node = nodes.get(digest);
    if (node === undefined || reached.has(digest) || !may(digest)) continue;
    reached.add(digest);
    waiting.push(...node.children, ...attachedTo(nodes, digest));
  }
  return reached;
}

const attachments = new WeakMap<ReadonlyMap<string, RetentionNode>, ReadonlyMap<string, readonly string[]>>();

function attachedTo(nodes: ReadonlyMap<string, RetentionNode>, digest: string): readonly string[] {
  let known = attachments.get(nodes);
  if (known === undefined) {
    const lists = new Map<string, string[]>();
    for (const node of nodes.values()) if (node.subject !== undefined) add(lists, node.subject, node.digest);
    known = lists;
    attachments.set(nodes, known);
  }
  return known.get(digest) ?? [];
}

function parentsOf(nodes: ReadonlyMap<string, RetentionNode>): ReadonlyMap<string, readonly string[]> {
  const parents = new Map<string, string[]>();
  for (const node of nodes.values()) for (const child of node.children) add(parents, child, node.digest);
  return parents;
}

function add(lists: Map<string, string[]>, key: string, value: string): void {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  list.push(value);
}
