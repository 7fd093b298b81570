import { createWriteStream } from 'node:fs';
import { link, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Digest } from '../../server/oci/digest.ts';
import type { Graph } from './image-builder.ts';
import { tempDirectory } from './cleanup.ts';

/** What a repository of a zot folder holds: graphs by tag, and those without one (referrers). */
export interface FolderContent {
  readonly tags?: Readonly<Record<string, Graph>>;
  readonly untagged?: readonly Graph[];
}

/**
 * A folder as zot writes it: an OCI layout per repository, children of an index listed without a tag, equal blobs as hard
 * links, and its own sub-folders among them.
 */
export async function writeZotFolder(
  repositories: Readonly<Record<string, FolderContent>>,
  root?: string,
): Promise<string> {
  const folder = root ?? (await tempDirectory());
  await writeFile(join(folder, 'cache.db'), 'not ours to read');
  const first = new Map<string, string>();
  for (const [name, content] of Object.entries(repositories)) {
    const directory = join(folder, name);
    for (const own of ['.uploads', '.sync/tmp/inner', '_trash/old'])
      await mkdir(join(directory, own), { recursive: true });
    await writeFile(join(directory, '.uploads', 'half'), 'half an upload');
    await writeFile(join(directory, '_trash', 'old', 'index.json'), '{}');
    await writeFile(join(directory, '_trash', 'old', 'oci-layout'), '{}');
    await writeFile(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    const graphs = [...Object.values(content.tags ?? {}), ...(content.untagged ?? [])];
    for (const graph of graphs) await writeGraph(directory, graph, first);
    await writeFile(join(directory, 'index.json'), JSON.stringify(indexOf(content)));
  }
  return folder;
}

/** Where a blob or manifest of a repository is. */
export function blobPath(folder: string, repository: string, digest: Digest): string {
  const [algorithm = '', hex = ''] = digest.split(':');
  return join(folder, repository, 'blobs', algorithm, hex);
}

function indexOf({ tags = {}, untagged = [] }: FolderContent): object {
  const bare = ({ mediaType, digest, bytes }: Graph): object => ({ mediaType, digest, size: bytes.length });
  const tagged = Object.entries(tags).map(([tag, graph]) => ({
    ...bare(graph),
    annotations: { 'org.opencontainers.image.ref.name': tag },
  }));
  const children = Object.values(tags).flatMap((graph) => graph.children);
  return { schemaVersion: 2, manifests: [...tagged, ...[...children, ...untagged].map(bare)] };
}

async function writeGraph(directory: string, graph: Graph, first: Map<string, string>): Promise<void> {
  for (const [digest, { bytes }] of graph.manifests)
    await place(fileOf(directory, digest), digest, first, (path) => writeFile(path, bytes));
  for (const [digest, content] of graph.blobs)
    await place(fileOf(directory, digest), digest, first, (path) =>
      pipeline(Readable.from(content.read()), createWriteStream(path)),
    );
}

function fileOf(directory: string, digest: Digest): string {
  return blobPath(directory, '', digest);
}

async function place(
  path: string,
  digest: Digest,
  first: Map<string, string>,
  write: (path: string) => Promise<unknown>,
): Promise<void> {
  const known = first.get(digest);
  if (known === path) return;
  await mkdir(dirname(path), { recursive: true });
  if (known === undefined) await write(path);
  else await link(known, path);
  first.set(digest, known ?? path);
}
