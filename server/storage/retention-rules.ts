import { globOf } from '../config/content-rules.ts';
import { formatDuration } from '../config/quantities.ts';
import type { RetentionRule } from '../config/schema.ts';
import { compareVersions, isInRange } from '../config/version-range.ts';

/** A tag as the rules see it. Times are milliseconds since the epoch. */
export interface RetentionTag {
  readonly name: string;
  readonly digest: string;
  /** When it came to point there. */
  readonly since: number;
  /** When it was last pushed, or came from its upstream. */
  readonly pushedAt: number;
  /** By its name or by its digest. */
  readonly lastPulledAt: number | undefined;
  /** It, its manifest or its repository is pinned. */
  readonly isPinned: boolean;
  /** A person put it where it is, and it stays there until it is let go. */
  readonly isHeld: boolean;
}

/** What the rules decide about. */
export interface RetentionContent {
  readonly repository: string;
  readonly tags: readonly RetentionTag[];
  /** Whether the repository holds a manifest. */
  readonly holds: (digest: string) => boolean;
}

/** What becomes of a tag. */
export interface TagVerdict {
  readonly tag: RetentionTag;
  readonly goes: boolean;
  /** Position of the rule that decided, from 0; undefined when none names the tag. */
  readonly rule: number | undefined;
  /** For a person: "rule 1 keeps the newest 3". */
  readonly why: string;
}

/** What becomes of manifests without a tag in a repository. */
export interface UntaggedRule {
  /** Position of the rule, from 0. */
  readonly position: number;
  /** How long one stays that nobody pulls. */
  readonly afterMs: number;
  /** Why one goes, for a person. */
  readonly why: string;
}

/** Rules made ready for many repositories. Made by {@link compileRetention}. */
export interface CompiledRetention {
  /** Whether any rule names the repository. */
  readonly isAbout: (repository: string) => boolean;
  /** What becomes of each tag, in the order they were given. */
  readonly decide: (content: RetentionContent, now: number) => TagVerdict[];
  /** The first rule that says how long manifests without a tag stay there. */
  readonly untaggedRule: (repository: string) => UntaggedRule | undefined;
}

interface Compiled {
  readonly rule: RetentionRule;
  readonly position: number;
  readonly namesRepository: (name: string) => boolean;
  readonly namesTag: (tag: string) => boolean;
}

/** Names by which signatures and lists of referrers are attached to a digest (cosign; distribution-spec, referrers tag schema). */
const attachedName = /^(sha256|sha512)-([0-9a-f]{64}(?:[0-9a-f]{64})?)(?:\.(?:sig|att|sbom))?$/;

/**
 * Reads retention rules. The first rule that names a repository and a tag decides about it; what no rule names stays. A tag
 * stays when one condition of the rule says so. Pinned tags stay, tags that a person holds where they are, and what is
 * attached to a manifest for as long as that is held. PURE.
 */
export function compileRetention(rules: readonly RetentionRule[]): CompiledRetention {
  const compiled = rules.map((rule, position): Compiled => {
    const repositories = rule.repositories.map(globOf);
    const tags = isAboutTags(rule) ? rule.tags.map(globOf) : [];
    return {
      rule,
      position,
      namesRepository: (name) => repositories.some((glob) => glob(name)),
      namesTag: (tag) => tags.some((glob) => glob(tag)),
    };
  });
  const about = (repository: string): Compiled[] => compiled.filter((one) => one.namesRepository(repository));
  return {
    isAbout: (repository) => compiled.some((one) => one.namesRepository(repository)),
    decide: (content, now) => decide(about(content.repository), content, now),
    untaggedRule: (repository) => {
      for (const { rule, position, namesRepository } of compiled) {
        if (rule.untagged === undefined || !namesRepository(repository)) continue;
        const why = `rule ${String(position + 1)}: no tag, and not used for ${formatDuration(rule.untagged)}`;
        return { position, afterMs: rule.untagged, why };
      }
      return undefined;
    },
  };
}

/** Whether a rule decides about tags: one that only says how long manifests without a tag stay does not. PURE. */
export function isAboutTags(rule: RetentionRule): boolean {
  return rule.keep !== undefined || rule.untagged === undefined;
}

/** Whether a rule lets every tag go that it names. PURE. */
export function keepsNothing({ keep }: RetentionRule): boolean {
  if (keep === undefined) return false;
  const { newest = 0, semver, pulledWithin, pushedWithin } = keep;
  return newest === 0 && semver === undefined && pulledWithin === undefined && pushedWithin === undefined;
}

function decide(rules: readonly Compiled[], content: RetentionContent, now: number): TagVerdict[] {
  const named = new Map<RetentionTag, Compiled>();
  const attached = new Map<RetentionTag, string>();
  for (const tag of content.tags) {
    const subject = subjectOf(tag.name);
    if (subject !== undefined && content.holds(subject)) attached.set(tag, subject);
    const rule = rules.find((one) => one.namesTag(tag.name));
    if (rule !== undefined) named.set(tag, rule);
  }
  const newest = newestOf(named, attached);
  return content.tags.map((tag) => {
    const rule = named.get(tag);
    const shield = shieldOf(tag, attached.get(tag));
    if (rule === undefined) return { tag, goes: false, rule: undefined, why: shield ?? 'no rule names it' };
    if (shield !== undefined) return { tag, goes: false, rule: rule.position, why: shield };
    const { goes, why } = judge(rule.rule, tag, { now, isNewest: newest.has(tag) });
    return { tag, goes, rule: rule.position, why: `rule ${String(rule.position + 1)} ${why}` };
  });
}

/** Why a tag stays whatever the rules say. */
function shieldOf(tag: RetentionTag, subject: string | undefined): string | undefined {
  if (tag.isPinned) return 'pinned';
  if (tag.isHeld) return 'held where it is by a person';
  return subject === undefined ? undefined : `belongs to ${subject}, which is held`;
}

function judge(
  { keep }: RetentionRule,
  tag: RetentionTag,
  { now, isNewest }: { readonly now: number; readonly isNewest: boolean },
): { readonly goes: boolean; readonly why: string } {
  if (keep === undefined) return { goes: false, why: 'keeps every tag it names' };
  const { newest, semver, pulledWithin, pushedWithin } = keep;
  const isWithin = (at: number | undefined, ms: number): boolean => at !== undefined && now - at <= ms;
  const conditions: { readonly holds: boolean; readonly words: string }[] = [];
  if (newest !== undefined) conditions.push({ holds: isNewest, words: newestWords(newest) });
  if (semver !== undefined) conditions.push({ holds: isInRange(tag.name, semver), words: `versions in ${semver}` });
  if (pulledWithin !== undefined)
    conditions.push({
      holds: isWithin(tag.lastPulledAt, pulledWithin),
      words: `what was pulled within ${formatDuration(pulledWithin)}`,
    });
  if (pushedWithin !== undefined)
    conditions.push({
      holds: isWithin(tag.pushedAt, pushedWithin),
      words: `what came within ${formatDuration(pushedWithin)}`,
    });
  const kept = conditions.find(({ holds }) => holds);
  if (kept !== undefined) return { goes: false, why: `keeps ${kept.words}` };
  const words = conditions.map((condition) => condition.words).join(', and ');
  return { goes: true, why: words === '' ? 'keeps none of the tags it names' : `keeps only ${words}` };
}

/** "the newest 3", as a person says it. PURE. */
export function newestWords(count: number): string {
  return count === 1 ? 'the newest' : `the newest ${String(count)}`;
}

/** For each rule the newest of its own tags, as many as it keeps; what is attached to something is not counted. */
function newestOf(
  named: ReadonlyMap<RetentionTag, Compiled>,
  attached: ReadonlyMap<RetentionTag, string>,
): ReadonlySet<RetentionTag> {
  const groups = new Map<Compiled, RetentionTag[]>();
  for (const [tag, rule] of named) {
    if (rule.rule.keep?.newest === undefined || attached.has(tag)) continue;
    const group = groups.get(rule) ?? [];
    groups.set(rule, group);
    group.push(tag);
  }
  const newest = new Set<RetentionTag>();
  for (const [{ rule }, tags] of groups) {
    tags.sort(newestFirst);
    for (const tag of tags.slice(0, rule.keep?.newest)) newest.add(tag);
  }
  return newest;
}

/** Tags that came in the same millisecond, as an import brings them, are ordered by version, then by name. */
function newestFirst(one: RetentionTag, other: RetentionTag): number {
  return (
    other.since - one.since ||
    compareVersions(other.name, one.name) ||
    other.name.localeCompare(one.name, 'en', { numeric: true }) ||
    (one.name < other.name ? 1 : -1)
  );
}

function subjectOf(tag: string): string | undefined {
  const [, algorithm, hex] = attachedName.exec(tag) ?? [];
  return algorithm === undefined || hex === undefined ? undefined : `${algorithm}:${hex}`;
}
