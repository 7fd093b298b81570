import { isLoopback } from '../config/address.ts';
import { parseArtifactName } from '../oci/reference.ts';
import type { ArtifactName } from '../oci/reference.ts';

/** What a person pasted, taken apart. */
export interface PastedReference extends ArtifactName {
  /** The mirror's own host, when it stood in front. */
  readonly mirrorHost: string | undefined;
}

const schemes = /^(?:docker|oci|https?|containers-storage):\/\//i;

/**
 * Reads a reference as people have it at hand: a whole command (`docker pull host:5050/ghcr.io/org/app:v1`), with a scheme
 * (`oci://…`), with this mirror's host in front or without, by tag or by digest. PURE.
 * @throws RequestError (NAME_INVALID, TAG_INVALID, DIGEST_INVALID)
 */
export function parsePasted(text: string, mirrorAddresses: readonly string[]): PastedReference {
  const { name, version } = nameInCommand(text);
  const bare = name.replace(schemes, '').replace(/^\/+|\/+$/g, '');
  const slash = bare.indexOf('/');
  const first = slash < 0 ? '' : bare.slice(0, slash);
  const isOurs = first !== '' && isMirrorHost(first.toLowerCase(), mirrorAddresses);
  const rest = isOurs ? bare.slice(slash + 1) : bare;
  const artifact = parseArtifactName(withVersion(lowerHost(rest), version));
  return { ...artifact, mirrorHost: isOurs ? first : undefined };
}

/** The argument of a command that is the reference: the first with a scheme, else the last that is no flag. */
function nameInCommand(text: string): { readonly name: string; readonly version: string | undefined } {
  const words = text
    .trim()
    .replace(/^\$\s+/, '')
    .split(/\s+/)
    .map(unquote);
  const at = words.indexOf('--version');
  const version = at < 0 ? undefined : words[at + 1];
  const candidates = words.filter((word, index) => !word.startsWith('-') && (at < 0 || index !== at + 1));
  return { name: candidates.find((word) => schemes.test(word)) ?? candidates.at(-1) ?? '', version };
}

function unquote(word: string): string {
  return word.replace(/^(["'])(.*)\1$/, '$2');
}

function isMirrorHost(host: string, addresses: readonly string[]): boolean {
  if (addresses.some((address) => address.toLowerCase() === host)) return true;
  const port = /:(\d+)$/.exec(host)?.[1];
  if (port === undefined || !addresses.some((address) => address.endsWith(`:${port}`))) return false;
  return isLoopback(host.slice(0, -port.length - 1).replace(/^\[|\]$/g, ''));
}

/** Hosts are written in any case, repositories are not. */
function lowerHost(name: string): string {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  return /[.:]/.test(first) ? first.toLowerCase() + name.slice(slash) : name;
}

/** Helm names a chart's version apart; its `+` is `_` in a tag. */
function withVersion(name: string, version: string | undefined): string {
  const hasReference = name.includes('@') || name.lastIndexOf(':') > name.lastIndexOf('/');
  return version === undefined || hasReference ? name : `${name}:${version.replaceAll('+', '_')}`;
}
