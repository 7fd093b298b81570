import { Minimatch } from 'minimatch';
import type { ContentRule } from './schema.ts';

/** A content rule made ready for many names. Made by {@link compileRule}. */
export interface CompiledRule {
  readonly rule: ContentRule;
  /** The repository on the upstream that has this name here; undefined when the rule is not about it. */
  readonly sourceOf: (name: string) => string | undefined;
  /** The name here of a repository of the upstream; undefined when the rule is not about it. */
  readonly destinationOf: (repository: string) => string | undefined;
  /** Why a tag is not fetched, to follow its name; undefined when it is. */
  readonly refusal: (tag: string) => string | undefined;
}

/** `*` and `?` within a segment, `**` over segments, `[…]` and `{…}`; names may start with a dot. */
const globOptions = { dot: true, nocomment: true, nonegate: true, noext: true };
/** Versions as zot takes them: one to three numbers, perhaps a `v`, a pre-release and build metadata. */
const version = /^v?\d+(?:\.\d+){0,2}(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

/** Reads a rule as zot's documentation describes `prefix`, `destination` and `stripPrefix`. PURE. */
export function compileRule(rule: ContentRule): CompiledRule {
  const prefix = trimSlashes(rule.prefix);
  const destination = trimSlashes(rule.destination);
  const { literal, pattern } = splitPattern(prefix);
  const onUpstream = globOf(prefix);
  const here = globOf(joinNames(destination, rule.stripPrefix ? pattern : prefix));
  const include = rule.tags.regex === '' ? undefined : new RegExp(rule.tags.regex);
  const exclude = rule.tags.excludeRegex === '' ? undefined : new RegExp(rule.tags.excludeRegex);
  return {
    rule,
    sourceOf: (name) => {
      if (!here(name)) return undefined;
      const rest = withoutLeading(name, destination);
      const source = rest === undefined ? '' : joinNames(rule.stripPrefix ? literal : '', rest);
      return source !== '' && onUpstream(source) ? source : undefined;
    },
    destinationOf: (repository) => {
      if (!onUpstream(repository)) return undefined;
      const rest = rule.stripPrefix ? withoutLeading(repository, literal) : repository;
      const name = joinNames(destination, rest ?? repository);
      return name === '' ? undefined : name;
    },
    refusal: (tag) => {
      if (include?.test(tag) === false) return `does not match the tag filter ${rule.tags.regex}`;
      if (exclude?.test(tag) === true) return `matches the tag filter ${rule.tags.excludeRegex} that excludes it`;
      return rule.tags.semver && !version.test(tag)
        ? 'is not a semantic version, and only those are mirrored'
        : undefined;
    },
  };
}

/** True for a rule about every name that puts nothing before it: it says nothing about any name in particular. PURE. */
export function isCatchAll({ prefix, destination }: ContentRule): boolean {
  return trimSlashes(destination) === '' && /^\*\*(?:\/\*\*?)*$/.test(trimSlashes(prefix));
}

/** `prefix → destination`, for a person. PURE. */
export function describeRule({ prefix, destination, stripPrefix }: ContentRule): string {
  const to = trimSlashes(destination);
  return `${trimSlashes(prefix)} → ${to === '' ? 'the same name' : to}${stripPrefix ? ', prefix stripped' : ''}`;
}

/** The whole segments before the first meta-character, and the rest. */
function splitPattern(prefix: string): { readonly literal: string; readonly pattern: string } {
  const meta = prefix.search(/[*?[{\\]/);
  if (meta < 0) return { literal: prefix, pattern: '' };
  const slash = prefix.lastIndexOf('/', meta);
  return { literal: prefix.slice(0, Math.max(slash, 0)), pattern: prefix.slice(slash + 1) };
}

/** Whether a repository is one that the glob means; `a/**` is about `a` itself too. PURE. */
export function globOf(pattern: string): (name: string) => boolean {
  const glob = new Minimatch(pattern, globOptions);
  // ** stands for no segment as well
  const bare = pattern.endsWith('/**') ? new Minimatch(pattern.slice(0, -3), globOptions) : undefined;
  return (name) => glob.match(name) || bare?.match(name) === true;
}

/** What follows whole segments of `leading`; undefined when it does not start with them. */
function withoutLeading(name: string, leading: string): string | undefined {
  if (leading === '') return name;
  if (name === leading) return '';
  return name.startsWith(`${leading}/`) ? name.slice(leading.length + 1) : undefined;
}

function joinNames(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('/');
}

function trimSlashes(text: string): string {
  return text.replace(/^\/+|\/+$/g, '');
}
