import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openDatabase } from '../../../../server/db/database.ts';
import { migration0001 } from '../../../../server/db/migrations/0001-first.ts';
import { tempDirectory } from '../../../support/cleanup.ts';
import { HeldContent } from './held-content.ts';

it('counts what an older database holds already, and links what its manifests reference', async () => {
  const directory = await tempDirectory();
  const old = openDatabase(join(directory, 'mirror.db'), { migrate: false });
  old.exec(migration0001);
  old.exec(`
    INSERT INTO repositories (id, name, upstream, created_at) VALUES (1, 'a.test/x', 'a.test', 1), (2, 'a.test/y', 'a.test', 1), (3, 'team/z', NULL, 1), (4, 'a.test/empty', 'a.test', 1);
    INSERT INTO manifests (digest, media_type, size, content, created_at) VALUES ('m', 't', 1, x'00', 1);
    INSERT INTO manifest_references VALUES ('m', 0, 'shared', 'layer', 't', 100, NULL);
    INSERT INTO blobs VALUES ('shared', 100, 1), ('alone', 7, 1);
    INSERT INTO repository_manifests (repository_id, digest, first_seen_at) VALUES (1, 'm', 1), (3, 'm', 1);
    INSERT INTO repository_blobs VALUES (1, 'shared', 1), (2, 'shared', 1), (2, 'alone', 1);
    INSERT INTO tags (repository_id, name, digest, first_seen_at) VALUES (1, 'v1', 'm', 1);
    PRAGMA user_version = 1;
  `);
  old.close();
  const held = new HeldContent(directory);
  const { kept, counted } = held.figures();
  held.db.close();
  expect(kept).toEqual(counted);
  expect(kept).toMatchObject({
    repositories: [
      { name: 'a.test/empty', content_count: 0, bytes: 0 },
      { name: 'a.test/x', tag_count: 1, manifest_count: 1, content_count: 2, bytes: 100, unique_bytes: 0 },
      { name: 'a.test/y', content_count: 2, bytes: 107, unique_bytes: 7 },
      { name: 'team/z', content_count: 2, bytes: 100, unique_bytes: 0 },
    ],
    upstreams: [
      { upstream: '', bytes: 100 },
      { upstream: 'a.test', bytes: 107 },
    ],
    totals: { blobs: 2, bytes: 107 },
  });
});
