/** A manifest of a repository, served or deleted, beside what leads to it. */
export interface GarbageNode {
  /** Digests of the manifests it leads to: those it lists, and those attached to it. */
  readonly leadsTo: readonly string[];
  /** Digests of the manifests that lead to it. */
  readonly ledToBy: readonly string[];
  /** It stays, with what it leads to: a tag points at it, it is pinned, or it is kept to be gone back to. */
  readonly isRoot: boolean;
  /** Somebody pulled it lately, or was told that it is here. */
  readonly isBusy: boolean;
  /** It was deleted and its time is over: it goes whatever still lists it. */
  readonly isOver: boolean;
}

/**
 * Which manifests of a repository are garbage: the candidates (their time is over) and what only these lead to. A candidate
 * through which somebody is pulling stays whole until a later time; then its parts go with it instead of staying alone. PURE.
 */
export function planGarbage(nodes: ReadonlyMap<string, GarbageNode>, candidates: readonly string[]): string[] {
  const idle = candidates.filter((digest) => {
    const node = nodes.get(digest);
    if (node === undefined || node.isRoot) return false;
    return ![...reach(nodes, [digest])].some((reached) => nodes.get(reached)?.isBusy === true);
  });
  const doomed = reach(nodes, idle);
  const stays = new Set<string>();
  const waiting = [...doomed].filter((digest) => isNeeded(nodes.get(digest), doomed));
  for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
    if (stays.has(digest)) continue;
    stays.add(digest);
    for (const next of nodes.get(digest)?.leadsTo ?? [])
      if (doomed.has(next) && nodes.get(next)?.isOver !== true) waiting.push(next);
  }
  return [...doomed].filter((digest) => !stays.has(digest));
}

function isNeeded(node: GarbageNode | undefined, doomed: ReadonlySet<string>): boolean {
  if (node === undefined || node.isRoot) return true;
  return !node.isOver && node.ledToBy.some((digest) => !doomed.has(digest));
}

function reach(nodes: ReadonlyMap<string, GarbageNode>, roots: readonly string[]): Set<string> {
  const reached = new Set<string>();
  const waiting = [...roots];
  for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
    const node = nodes.get(digest);
    if (node === undefined || reached.has(digest)) continue;
    reached.add(digest);
    waiting.push(...node.leadsTo);
  }
  return reached;
}
