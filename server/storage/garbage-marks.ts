import { planGarbage } from './garbage-plan.ts';
import type { GarbageNode } from './garbage-plan.ts';
import type { BlobLink, BlobRow, GarbageCandidate, GarbageRows, ManifestState } from './garbage-rows.ts';
import type { Leases } from './leases.ts';

/** What is old enough. Milliseconds since the epoch. */
export interface GarbageAges {
  /** What a tag left, or somebody deleted, up to then is not kept any more. */
  readonly keptSince: number;
  /** Content that nothing references may go when it has been here since before then. */
  readonly unusedSince: number;
}

/** Manifests of one repository that are judged together. */
export interface CandidateGroup {
  readonly repositoryId: number;
  readonly digests: readonly string[];
}

/** Judged in one turn: an image is a manifest or two, an index a few dozen. */
const candidatesAtOnce = 10;

/**
 * Judges what is garbage at this moment, and remembers what a dry run would have removed, so that what comes after it is
 * judged as in a real run.
 */
export class GarbageMarks {
  readonly #rows: GarbageRows;
  readonly #ages: GarbageAges;
  readonly #leases: Leases;
  readonly #goneManifests = new Set<string>();
  readonly #goneLinks = new Set<string>();
  readonly #freed = new Set<string>();

  constructor(rows: GarbageRows, ages: GarbageAges, leases: Leases) {
    this.#rows = rows;
    this.#ages = ages;
    this.#leases = leases;
  }

  /** Served manifests that a tag left, in groups, from a piece of the tags' history. */
  ended(after: number, to: number): CandidateGroup[] {
    return grouped(this.#rows.ended(after, to));
  }

  /** Deleted manifests that are not kept any more, in groups; `last` is where to go on. */
  over(
    after: GarbageCandidate,
    limit: number,
  ): { readonly groups: CandidateGroup[]; readonly last: GarbageCandidate | undefined } {
    const page = this.#rows.over(this.#ages.keptSince, after, limit);
    return { groups: grouped(page), last: page.at(-1) };
  }

  /** Which of the candidates go, with what only they lead to. */
  doomed(repositoryId: number, candidates: readonly string[]): { readonly digest: string; readonly why: string }[] {
    const states = new Map<string, ManifestState | undefined>();
    // most tags left something that is still kept: that is told before anything is walked
    const open = candidates.filter((digest) => {
      const state = this.#state(repositoryId, digest);
      return state !== undefined && !this.#judge(digest, state).isRoot;
    });
    const nodes = this.#nodes(repositoryId, open, states);
    const named = new Set(open);
    return planGarbage(nodes, open).map((digest) => ({ digest, why: whyOf(states.get(digest), named.has(digest)) }));
  }

  /** Whether a repository need not have a blob any more. */
  isUnused(link: BlobLink): boolean {
    const { repositoryId, digest, firstSeenAt } = link;
    if (firstSeenAt > this.#ages.unusedSince || this.#leases.isHeld(digest)) return false;
    const isGone = (manifest: string): boolean => this.#isGone(repositoryId, manifest);
    return !this.#rows.isUsed(repositoryId, digest, this.#goneManifests.size === 0 ? undefined : isGone);
  }

  /** Whether no repository has the blob, and none keeps a manifest that needs it. */
  isUnlinked({ digest, createdAt, isLinked }: BlobRow): boolean {
    if (isLinked || createdAt > this.#ages.unusedSince || this.#leases.isHeld(digest) || this.isFreed(digest))
      return false;
    return !this.#isNeeded(digest);
  }

  /** Whether a dry run has counted it already. */
  isFreed(digest: string): boolean {
    return this.#freed.has(digest);
  }

  leaveManifest(repositoryId: number, digest: string): void {
    this.#goneManifests.add(`${String(repositoryId)} ${digest}`);
  }

  leaveBlob(digest: string): void {
    this.#freed.add(digest);
  }

  /** Counts links as gone; gives the blobs that nobody has then, with their sizes. */
  leaveLinks(links: readonly BlobLink[]): Map<string, number> {
    for (const { repositoryId, digest } of links) this.#goneLinks.add(`${String(repositoryId)} ${digest}`);
    const freed = new Map<string, number>();
    for (const { digest, sizeBytes } of links) {
      const isLeft = (id: number): boolean => !this.#goneLinks.has(`${String(id)} ${digest}`);
      if (this.#freed.has(digest) || this.#rows.linkedIn(digest).some(isLeft) || this.#isNeeded(digest)) continue;
      this.#freed.add(digest);
      freed.set(digest, sizeBytes);
    }
    return freed;
  }

  /** The candidates and all they lead to. */
  #nodes(
    repositoryId: number,
    candidates: readonly string[],
    states: Map<string, ManifestState | undefined>,
  ): Map<string, GarbageNode> {
    const stateOf = (digest: string): ManifestState | undefined => {
      if (!states.has(digest)) states.set(digest, this.#state(repositoryId, digest));
      return states.get(digest);
    };
    const isHere = (digest: string): boolean => stateOf(digest) !== undefined;
    const nodes = new Map<string, GarbageNode>();
    const waiting = [...candidates];
    for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
      const state = stateOf(digest);
      if (state === undefined || nodes.has(digest)) continue;
      const leadsTo = this.#rows.leadsTo(digest).filter(isHere);
      const ledToBy = this.#rows.ledToBy(digest).filter(isHere);
      nodes.set(digest, { leadsTo, ledToBy, ...this.#judge(digest, state) });
      waiting.push(...leadsTo);
    }
    return nodes;
  }

  #isGone(repositoryId: number, manifest: string): boolean {
    return this.#goneManifests.has(`${String(repositoryId)} ${manifest}`);
  }

  #isNeeded(digest: string): boolean {
    return this.#rows.isNeeded(digest, (repositoryId, manifest) => this.#isGone(repositoryId, manifest));
  }

  #state(repositoryId: number, digest: string): ManifestState | undefined {
    if (this.#isGone(repositoryId, digest)) return undefined;
    return this.#rows.state(repositoryId, digest);
  }

  #judge(digest: string, state: ManifestState): Pick<GarbageNode, 'isRoot' | 'isBusy' | 'isOver'> {
    const { keptSince } = this.#ages;
    const isDeletedAndKept = state.deletedAt !== undefined && state.deletedAt > keptSince;
    const isLeftAndKept = state.endedAt !== undefined && state.endedAt > keptSince;
    // pushed or pulled by digest after the last tag had left it
    const isAnew = state.endedAt !== undefined && state.firstSeenAt > state.endedAt;
    const isServedRoot = state.isServed && (state.isTagged || state.isPinned || isLeftAndKept || isAnew);
    return {
      isRoot: isDeletedAndKept || isServedRoot,
      isBusy: state.isServed && (state.lastPulledAt > keptSince || this.#leases.isHeld(digest)),
      isOver: !state.isServed && !isDeletedAndKept,
    };
  }
}

function whyOf(state: ManifestState | undefined, isCandidate: boolean): string {
  if (!isCandidate) return 'only content that goes leads to it';
  return state?.isServed === true
    ? 'its tag moved or was deleted, and it is not kept any longer'
    : 'deleted, and not kept any longer';
}

function grouped(candidates: readonly GarbageCandidate[]): CandidateGroup[] {
  const groups: { repositoryId: number; digests: string[] }[] = [];
  for (const { repositoryId, digest } of candidates) {
    const group = groups.at(-1);
    if (group?.repositoryId === repositoryId && group.digests.length < candidatesAtOnce) group.digests.push(digest);
    else groups.push({ repositoryId, digests: [digest] });
  }
  return groups;
}
