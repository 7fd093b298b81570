import { formatDuration } from '../config/quantities.ts';
import type { RetentionRule, RetentionRuleInput } from '../config/schema.ts';
import { isAboutTags, keepsNothing, newestWords } from './retention-rules.ts';

/** A rule as one sentence for a person: "In team/**, of all tags, keep the newest 3; the others go." PURE. */
export function ruleSentence(rule: RetentionRule): string {
  const tags = isAboutTags(rule) ? tagWords(rule) : undefined;
  const untagged =
    rule.untagged === undefined
      ? undefined
      : `manifests without a tag go when nobody used them for ${formatDuration(rule.untagged)}`;
  return `In ${repositoryWords(rule.repositories)}: ${[tags, untagged].filter((part) => part !== undefined).join('; ')}.`;
}

/** What a person should know of rules before they are applied, one sentence each: which of them keep nothing. PURE. */
export function warningsOf(rules: readonly RetentionRule[]): string[] {
  return rules.flatMap((rule, position) =>
    keepsNothing(rule)
      ? [
          `Rule ${String(position + 1)} keeps nothing: of ${repositoryWords(rule.repositories)}, ${nameTags(rule.tags, 'every tag')} that is not pinned goes.`,
        ]
      : [],
  );
}

/** A rule as a person writes it. PURE. */
export function writtenRule({ repositories, tags, keep, untagged }: RetentionRule): RetentionRuleInput {
  return {
    repositories,
    tags,
    ...(keep === undefined ? {} : { keep: writtenKeep(keep) }),
    ...(untagged === undefined ? {} : { untagged: formatDuration(untagged) }),
  };
}

function writtenKeep({ newest, semver, pulledWithin, pushedWithin }: NonNullable<RetentionRule['keep']>) {
  return {
    ...(newest === undefined ? {} : { newest }),
    ...(semver === undefined ? {} : { semver }),
    ...(pulledWithin === undefined ? {} : { pulledWithin: formatDuration(pulledWithin) }),
    ...(pushedWithin === undefined ? {} : { pushedWithin: formatDuration(pushedWithin) }),
  };
}

function tagWords(rule: RetentionRule): string {
  const { keep } = rule;
  if (keep === undefined) return `${nameTags(rule.tags, 'every tag')} stays`;
  if (keepsNothing(rule)) return `${nameTags(rule.tags, 'every tag')} goes`;
  const { newest, semver, pulledWithin, pushedWithin } = keep;
  const kept = [
    ...(newest === undefined ? [] : [newestWords(newest)]),
    ...(semver === undefined ? [] : [`versions in ${semver}`]),
    ...(pulledWithin === undefined ? [] : [`what was pulled within ${formatDuration(pulledWithin)}`]),
    ...(pushedWithin === undefined ? [] : [`what came within ${formatDuration(pushedWithin)}`]),
  ];
  return `of ${nameTags(rule.tags, 'all tags')}, keep ${listed(kept)}; the others go`;
}

function nameTags(tags: readonly string[], all: string): string {
  return tags.includes('**') || tags.includes('*') ? all : `${all.replace(/^all /, 'the ')} ${listed(tags, 'or')}`;
}

function repositoryWords(globs: readonly string[]): string {
  return globs.includes('**') ? 'every repository' : listed(globs);
}

function listed(parts: readonly string[], word = 'and'): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} ${word} ${parts.at(-1) ?? ''}`;
}
