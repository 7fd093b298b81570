import { constants } from 'node:fs';
import type { Dirent } from 'node:fs';
import { lstat, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ContentError, RequestError } from '../errors.ts';
import { unreadableReason } from '../lib/text-file.ts';
import { algorithmOf, digestOf, hexOf, isDigest } from '../oci/digest.ts';
import type { Digest } from '../oci/digest.ts';
import { manifestLimitBytes } from '../oci/manifest.ts';

/**
 * A folder of OCI image layouts (image-spec image-layout.md), one per repository, as zot keeps them. It is only read.
 *
 *   <root>/team/app/oci-layout
 *   <root>/team/app/index.json               every tag, every manifest without one, every referrer
 *   <root>/team/app/blobs/sha256/abcd…       manifests and blobs; zot's dedupe makes hard links of equal ones
 *   <root>/team/app/nested/…                 the next repository may be inside
 *   <root>/…/.uploads  .sync  _trash         never repositories: names can't begin so
 */
export interface LayoutFolder {
  readonly repositories: readonly LayoutRepository[];
  /** Paths below the root that were passed over, each with the reason. */
  readonly ignored: readonly { readonly path: string; readonly why: string }[];
}

export interface LayoutRepository {
  /** Path below the root, with "/". */
  readonly name: string;
  readonly directory: string;
}

/** One line of an `index.json`. */
export interface LayoutEntry {
  readonly digest: Digest;
  readonly mediaType: string | undefined;
  readonly tag: string | undefined;
}

/** A file of a layout as it stands there. */
export interface LayoutFile {
  readonly path: string;
  readonly sizeBytes: number;
}

/** image-spec annotations.md; zot writes the bare tag. */
const refName = 'org.opencontainers.image.ref.name';
/** An index.json grows with the tags of its repository: this is about 300 000 of them. */
const indexLimitBytes = 64 * 1024 * 1024;
const nameLimit = 255;

/**
 * Finds the repositories below `root`, in order of their names. Symbolic links are not followed.
 * @throws RequestError (REQUEST_INVALID) when it can't be read, or is a repository itself
 */
export async function findLayouts(root: string, signal: AbortSignal): Promise<LayoutFolder> {
  const found: Found = { repositories: [], ignored: [] };
  const entries = await readdir(root, { withFileTypes: true }).catch((error: unknown) => {
    throw new RequestError('REQUEST_INVALID', `${root} ${unreadableReason(error)}`, { value: root });
  });
  if (isLayout(entries))
    throw new RequestError('REQUEST_INVALID', `${root} is one repository; name the folder above all of them`, {
      value: root,
    });
  await visitAll({ name: '', directory: root }, entries, found, signal);
  return found;
}

interface Found {
  readonly repositories: LayoutRepository[];
  readonly ignored: { readonly path: string; readonly why: string }[];
}

async function visitAll(
  above: LayoutRepository,
  entries: readonly Dirent[],
  found: Found,
  signal: AbortSignal,
): Promise<void> {
  for (const entry of entries.toSorted((one, other) => (one.name < other.name ? -1 : 1))) {
    const name = above.name === '' ? entry.name : `${above.name}/${entry.name}`;
    if (entry.isSymbolicLink())
      found.ignored.push({ path: name, why: 'it is a symbolic link, and those are not followed' });
    // what begins with a dot or an underscore is zot's own: uploads, downloads, what it deleted
    if (!entry.isDirectory() || /^[._]/.test(entry.name)) continue;
    if (name.length > nameLimit) found.ignored.push({ path: name.slice(0, nameLimit), why: 'its name is too long' });
    else await visit({ name, directory: join(above.directory, entry.name) }, found, signal);
  }
}

async function visit(folder: LayoutRepository, found: Found, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let entries: Dirent[];
  try {
    entries = await readdir(folder.directory, { withFileTypes: true });
  } catch (error) {
    found.ignored.push({ path: folder.name, why: `it ${unreadableReason(error)}` });
    return;
  }
  const isRepository = isLayout(entries);
  if (isRepository) found.repositories.push(folder);
  const below = isRepository ? entries.filter(({ name }) => name !== 'blobs') : entries;
  await visitAll(folder, below, found, signal);
}

function isLayout(entries: readonly Dirent[]): boolean {
  return ['index.json', 'oci-layout'].every((name) => entries.some((entry) => entry.name === name && entry.isFile()));
}

/**
 * Reads a repository's `index.json`; what of it is no descriptor is left out and counted.
 * @throws ContentError when it can't be read at all
 */
export async function readLayoutIndex(
  repository: LayoutRepository,
): Promise<{ readonly entries: readonly LayoutEntry[]; readonly unreadable: number }> {
  const bytes = await readWhole(join(repository.directory, 'index.json'), indexLimitBytes);
  let document: unknown;
  try {
    document = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new ContentError('index.json is not JSON', { cause });
  }
  const list = isRecord(document) ? document.manifests : undefined;
  if (!Array.isArray(list)) throw new ContentError('index.json lists no manifests');
  const entries = list.flatMap((entry: unknown): LayoutEntry[] => {
    if (!isRecord(entry) || typeof entry.digest !== 'string' || !isDigest(entry.digest)) return [];
    const tag = isRecord(entry.annotations) ? entry.annotations[refName] : undefined;
    return [
      {
        digest: entry.digest,
        mediaType: typeof entry.mediaType === 'string' ? entry.mediaType : undefined,
        tag: typeof tag === 'string' && tag !== '' ? tag : undefined,
      },
    ];
  });
  return { entries, unreadable: list.length - entries.length };
}

/** The file of a blob or manifest, by what the directory says; undefined when there is none, or it is no plain file. */
export async function layoutFile(repository: LayoutRepository, digest: Digest): Promise<LayoutFile | undefined> {
  const path = join(repository.directory, 'blobs', algorithmOf(digest), hexOf(digest));
  const stats = await lstat(path).catch(() => undefined);
  return stats?.isFile() === true ? { path, sizeBytes: stats.size } : undefined;
}

/**
 * Reads a manifest and proves it.
 * @throws ContentError when its bytes can't be read or do not hash to the digest
 */
export async function readLayoutManifest(file: LayoutFile, digest: Digest): Promise<Buffer> {
  const content = await readWhole(file.path, manifestLimitBytes);
  if (digestOf(content, algorithmOf(digest)) !== digest)
    throw new ContentError('its bytes do not hash to its digest', { value: digest });
  return content;
}

async function readWhole(path: string, limitBytes: number): Promise<Buffer> {
  try {
    // not by way of a symbolic link; Windows has no such flag
    const flags = process.platform === 'win32' ? constants.O_RDONLY : constants.O_RDONLY | constants.O_NOFOLLOW;
    const handle = await open(path, flags);
    try {
      const { size } = await handle.stat();
      if (size > limitBytes) throw new ContentError(`it is larger than ${String(limitBytes)} bytes`);
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof ContentError) throw error;
    throw new ContentError(`it ${unreadableReason(error)}`, { cause: error });
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
