import { Minimatch } from 'minimatch';

/** A pattern over `registry/repository:tag`, ready to be asked. */
export interface ArtifactGlob {
  /** As it was written. */
  readonly text: string;
  /** True for a name with the given tags; `digest` is what was asked for, if it was, `part` what inside of it. */
  matches(name: string, tags: readonly string[], digest: string | undefined, part?: string): boolean;
  /** True for a name of which it matches some tags or digests, perhaps not all. */
  mayMatch(name: string): boolean;
  /** False when it matches nothing that has this name and these tags, whatever the digest. */
  concerns(name: string, tags: readonly string[]): boolean;
}

/** Per pattern. */
const rememberedNames = 1024;
const options = { dot: true, nocomment: true, nonegate: true } as const;

/**
 * Compiles a pattern over `registry/repository:tag`.
 *
 * A star is any text within one segment, two are any number of segments. At the very beginning one star and a slash are any
 * number of segments, so that a pattern that begins so is about every registry and every publisher. Without `:tag` it is
 * about all tags. A tag pattern is about a digest, too, when one of the digest's tags matches; `:*` is about every digest.
 */
export function compileArtifactGlob(text: string): ArtifactGlob {
  const { name, tag, digest } = splitPattern(text);
  const matchesName = compileGlob(name.startsWith('*/') ? `*${name}` : name);
  const mayMatch = matchesName;
  if (digest !== undefined) {
    const matches: ArtifactGlob['matches'] = (asked, _, wanted, part) =>
      (wanted === digest || part === digest) && matchesName(asked);
    return { text, mayMatch, concerns: mayMatch, matches };
  }
  if (tag === undefined || tag === '*' || tag === '**')
    return { text, mayMatch, concerns: mayMatch, matches: (asked) => matchesName(asked) };
  const matchesTag = compileGlob(tag);
  const matches: ArtifactGlob['matches'] = (asked, tags) => matchesName(asked) && tags.some(matchesTag);
  const concerns = (asked: string, tags: readonly string[]): boolean =>
    tags.length === 0 ? matchesName(asked) : matches(asked, tags, undefined);
  return { text, mayMatch, concerns, matches };
}

/**
 * A glob over one word or path; text without magic is compared as it is. Answers are remembered: names repeat, and 200 rules
 * must not cost a pull 200 walks through a pattern.
 */
export function compileGlob(pattern: string): (text: string) => boolean {
  if (pattern === '**') return () => true;
  const glob = new Minimatch(pattern, options);
  if (!glob.hasMagic()) return (text) => text === pattern;
  const known = new Map<string, boolean>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    // clients choose the names, so what is remembered is bounded
    if (known.size >= rememberedNames) known.clear();
    const matches = glob.match(text);
    known.set(text, matches);
    return matches;
  };
}

/** The parts of a pattern; a colon counts as the tag's only after the last slash, since hosts have ports. */
export function splitPattern(text: string): {
  readonly name: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
} {
  const at = text.indexOf('@');
  if (at >= 0) return { name: text.slice(0, at), tag: undefined, digest: text.slice(at + 1) };
  const colon = text.lastIndexOf(':');
  if (colon <= text.lastIndexOf('/')) return { name: text, tag: undefined, digest: undefined };
  return { name: text.slice(0, colon), tag: text.slice(colon + 1), digest: undefined };
}
