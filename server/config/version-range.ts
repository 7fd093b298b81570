import { compare, parse, satisfies, validRange } from 'semver';

/** A tag that is a version: one to three numbers, perhaps a `v`, a pre-release, and build metadata after `_`, as Helm writes it. */
const tagVersion = /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(-[0-9A-Za-z.-]+)?(?:_[0-9A-Za-z._-]+)?$/;
/** A pre-release counts like any version: what a person keeps must not go for its suffix alone. */
const options = { includePrerelease: true } as const;

/** Whether the text is a range of versions such as `>=2.0.0 <3`. PURE. */
export function isVersionRange(text: string): boolean {
  return validRange(text, options) !== null;
}

/**
 * The version a tag means, written out: `v1.2` is `1.2.0`, `16-alpine` is `16.0.0-alpine`; undefined when it is none.
 * Numbers may begin with zeros, as in calendar versions. PURE.
 */
export function versionOf(tag: string): string | undefined {
  const [, major, minor = '0', patch = '0', preRelease = ''] = tagVersion.exec(tag) ?? [];
  if (major === undefined) return undefined;
  const numbers = [major, minor, patch].map((number) => number.replace(/^0+(?=\d)/, '')).join('.');
  return parse(numbers + preRelease)?.version;
}

/** Whether a tag is a version in the range; false when it is no version. PURE. */
export function isInRange(tag: string, range: string): boolean {
  const version = versionOf(tag);
  return version !== undefined && satisfies(version, range, options);
}

/** Orders tags by version, the lower first; what is no version comes before all that are. PURE. */
export function compareVersions(tag: string, other: string): number {
  const [version, otherVersion] = [versionOf(tag), versionOf(other)];
  if (version === undefined || otherVersion === undefined)
    return Number(version !== undefined) - Number(otherVersion !== undefined);
  return compare(version, otherVersion);
}
