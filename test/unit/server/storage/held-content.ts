import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { mkdirSync, writeFileSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { openDatabase, inTransaction } from '../../../../server/db/database.ts';
import type { Database } from '../../../../server/db/database.ts';
import { parseManifest } from '../../../../server/oci/manifest.ts';
import { BlobStore } from '../../../../server/storage/blob-store.ts';
import { layoutOf } from '../../../../server/storage/layout.ts';
import type { Layout } from '../../../../server/storage/layout.ts';
import { ManifestStore } from '../../../../server/storage/manifest-store.ts';
import { RepositoryStore } from '../../../../server/storage/repository-store.ts';
import { TagStore } from '../../../../server/storage/tag-store.ts';
import { tempDirectory } from '../../../support/cleanup.ts';
import { bytesOf } from '../../../support/content.ts';
import type { Graph } from '../../../support/image-builder.ts';

/** A store on a real disk, filled as the cache fills it: manifests first, blobs after them. */
export class HeldContent {
  readonly db: Database;
  readonly layout: Layout;
  readonly repositories: RepositoryStore;
  readonly manifests: ManifestStore;
  readonly tags: TagStore;
  readonly blobs: BlobStore;
  now = 1_000_000;

  constructor(directory: string) {
    this.layout = layoutOf(directory, '');
    this.db = openDatabase(this.layout.database);
    this.repositories = new RepositoryStore(this.db);
    this.manifests = new ManifestStore(this.db);
    this.tags = new TagStore(this.db);
    this.blobs = new BlobStore(this.db, this.layout);
  }

  /** Lets a repository hold a graph; `except` are digests that are not held. */
  async hold(
    name: string,
    graph: Graph,
    options: { tag?: string; except?: readonly string[]; upstream?: string } = {},
  ): Promise<void> {
    const { tag, except = [], upstream = name.includes('.') ? name.slice(0, name.indexOf('/')) : undefined } = options;
    const repository = this.repositories.ensure(name, { upstream, upstreamRepository: name }, this.now);
    inTransaction(this.db, () => {
      for (const [digest, { bytes, mediaType }] of graph.manifests) {
        if (!except.includes(digest))
          this.manifests.put(repository.id, digest, bytes, parseManifest(bytes, mediaType), this.now);
      }
      if (tag !== undefined) this.tags.put(repository.id, tag, graph.digest, { now: this.now, checkedAt: this.now });
    });
    for (const [digest, content] of graph.blobs) {
      if (except.includes(digest) || this.blobs.sizeOf(digest) !== undefined) continue;
      mkdirSync(this.layout.incoming, { recursive: true });
      writeFileSync(this.layout.partial(digest), bytesOf(content));
      const partial = await this.blobs.openPartial(digest);
      await this.blobs.commit(digest, partial, [repository.id], this.now);
      await partial.handle.close();
    }
  }

  /** Bytes of all files under the content folder and the incoming one. */
  async bytesOnDisk(): Promise<number> {
    let bytes = 0;
    for (const directory of [this.layout.blobs, this.layout.incoming]) {
      for (const entry of await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => [])) {
        if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
      }
    }
    return bytes;
  }

  /** The maintained figures beside the same figures counted anew; they must be equal. */
  figures(): { readonly kept: unknown; readonly counted: unknown } {
    const kept = {
      repositories: this.db
        .prepare(
          'SELECT name, tag_count, manifest_count, content_count, bytes, unique_bytes FROM repositories ORDER BY name',
        )
        .all(),
      upstreams: this.db.prepare('SELECT upstream, bytes FROM upstream_sizes WHERE bytes <> 0 ORDER BY upstream').all(),
      totals: this.db.prepare('SELECT blobs, bytes FROM storage_totals').get(),
    };
    const linked = 'FROM repository_blobs l JOIN blobs b ON b.digest = l.digest WHERE l.repository_id = r.id';
    const counted = {
      repositories: this.db
        .prepare(
          `SELECT name, (SELECT count(*) FROM tags t WHERE t.repository_id = r.id) AS tag_count,
            (SELECT count(*) FROM repository_manifests m WHERE m.repository_id = r.id) AS manifest_count,
            (SELECT count(*) FROM repository_manifests m WHERE m.repository_id = r.id) + (SELECT count(*) ${linked}) AS content_count,
            (SELECT coalesce(sum(b.size), 0) ${linked}) AS bytes,
            (SELECT coalesce(sum(b.size), 0) ${linked} AND NOT EXISTS
              (SELECT 1 FROM repository_blobs o WHERE o.digest = l.digest AND o.repository_id <> r.id)) AS unique_bytes
          FROM repositories r ORDER BY name`,
        )
        .all(),
      upstreams: this.db
        .prepare(
          `SELECT upstream, sum(size) AS bytes FROM (SELECT DISTINCT coalesce(r.upstream, '') AS upstream, b.digest, b.size
            FROM repositories r JOIN repository_blobs l ON l.repository_id = r.id JOIN blobs b ON b.digest = l.digest)
          GROUP BY upstream HAVING sum(size) <> 0 ORDER BY upstream`,
        )
        .all(),
      totals: this.db.prepare('SELECT count(*) AS blobs, coalesce(sum(size), 0) AS bytes FROM blobs').get(),
    };
    return { kept, counted };
  }
}

export async function heldContent(): Promise<HeldContent> {
  const held = new HeldContent(await tempDirectory());
  onTestFinished(() => {
    held.db.close();
  });
  return held;
}
