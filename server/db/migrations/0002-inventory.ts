/**
 * What lists of the cache need at once, kept by triggers so that no writer can forget it: with 100,000 repositories it
 * cannot be counted while a person waits. Sizes are bytes of blob files; manifests live in this database and are not counted.
 *
 *   repositories  tag_count · manifest_count · content_count (manifests and blobs) · bytes · unique_bytes (no other repository has them)
 *   upstream_sizes   bytes of the blobs held from an upstream, each once; '' is pushed content
 *   storage_totals   the one row: all blobs
 *
 * The triggers also keep an invariant: a held blob that a manifest of a repository references is linked to that repository.
 * Repository rows are never deleted (their history stays, and a reused id would lend one repository's content to another).
 */
export const migration0002 = `
ALTER TABLE repositories ADD COLUMN tag_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE repositories ADD COLUMN manifest_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE repositories ADD COLUMN content_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE repositories ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE repositories ADD COLUMN unique_bytes INTEGER NOT NULL DEFAULT 0;

CREATE TABLE upstream_sizes (
  upstream TEXT PRIMARY KEY,
  bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE storage_totals (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  blobs INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) STRICT;

-- what is there already
INSERT INTO repository_blobs (repository_id, digest, first_seen_at)
  SELECT DISTINCT m.repository_id, b.digest, b.created_at FROM repository_manifests m
  JOIN manifest_references f ON f.parent = m.digest AND f.kind <> 'manifest' JOIN blobs b ON b.digest = f.child
  WHERE true ON CONFLICT DO NOTHING;
UPDATE repositories SET
  tag_count = (SELECT count(*) FROM tags t WHERE t.repository_id = repositories.id),
  manifest_count = (SELECT count(*) FROM repository_manifests m WHERE m.repository_id = repositories.id);
UPDATE repositories SET
  content_count = manifest_count + (SELECT count(*) FROM repository_blobs l WHERE l.repository_id = repositories.id),
  bytes = (SELECT coalesce(sum(b.size), 0) FROM repository_blobs l JOIN blobs b ON b.digest = l.digest WHERE l.repository_id = repositories.id),
  unique_bytes = (SELECT coalesce(sum(b.size), 0) FROM repository_blobs l JOIN blobs b ON b.digest = l.digest WHERE l.repository_id = repositories.id
    AND NOT EXISTS (SELECT 1 FROM repository_blobs o WHERE o.digest = l.digest AND o.repository_id <> l.repository_id));
INSERT INTO upstream_sizes (upstream, bytes)
  SELECT upstream, sum(size) FROM (
    SELECT DISTINCT coalesce(r.upstream, '') AS upstream, b.digest, b.size FROM repositories r
    JOIN repository_blobs l ON l.repository_id = r.id JOIN blobs b ON b.digest = l.digest
  ) GROUP BY upstream;
INSERT INTO storage_totals (id, blobs, bytes) SELECT 1, count(*), coalesce(sum(size), 0) FROM blobs;

-- content_count is in the two that counting reads: the condition is asked again for each row
CREATE INDEX repositories_held_name ON repositories (name, content_count) WHERE content_count > 0;
CREATE INDEX repositories_held_bytes ON repositories (bytes) WHERE content_count > 0;
CREATE INDEX repositories_held_pulled ON repositories (coalesce(last_pulled_at, 0)) WHERE content_count > 0;
CREATE INDEX repositories_held_upstream ON repositories (upstream, name, content_count) WHERE content_count > 0;

CREATE TRIGGER tags_added AFTER INSERT ON tags BEGIN
  UPDATE repositories SET tag_count = tag_count + 1 WHERE id = NEW.repository_id;
END;
CREATE TRIGGER tags_removed AFTER DELETE ON tags BEGIN
  UPDATE repositories SET tag_count = tag_count - 1 WHERE id = OLD.repository_id;
END;

CREATE TRIGGER repository_manifests_added AFTER INSERT ON repository_manifests BEGIN
  UPDATE repositories SET manifest_count = manifest_count + 1, content_count = content_count + 1 WHERE id = NEW.repository_id;
  INSERT INTO repository_blobs (repository_id, digest, first_seen_at)
    SELECT DISTINCT NEW.repository_id, b.digest, NEW.first_seen_at FROM manifest_references f JOIN blobs b ON b.digest = f.child
    WHERE f.parent = NEW.digest AND f.kind <> 'manifest' ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER repository_manifests_removed AFTER DELETE ON repository_manifests BEGIN
  UPDATE repositories SET manifest_count = manifest_count - 1, content_count = content_count - 1 WHERE id = OLD.repository_id;
END;

CREATE TRIGGER blobs_added AFTER INSERT ON blobs BEGIN
  UPDATE storage_totals SET blobs = blobs + 1, bytes = bytes + NEW.size WHERE id = 1;
  INSERT INTO repository_blobs (repository_id, digest, first_seen_at)
    SELECT DISTINCT m.repository_id, NEW.digest, NEW.created_at FROM manifest_references f
    JOIN repository_manifests m ON m.digest = f.parent
    WHERE f.child = NEW.digest AND f.kind <> 'manifest' ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER blobs_removed AFTER DELETE ON blobs BEGIN
  UPDATE storage_totals SET blobs = blobs - 1, bytes = bytes - OLD.size WHERE id = 1;
END;

CREATE TRIGGER repository_blobs_added AFTER INSERT ON repository_blobs BEGIN
  UPDATE repositories SET
    content_count = content_count + 1,
    bytes = bytes + (SELECT size FROM blobs WHERE digest = NEW.digest)
    WHERE id = NEW.repository_id;
  -- the first that has it has it alone; the second takes that from the first
  UPDATE repositories SET unique_bytes = unique_bytes + (SELECT size FROM blobs WHERE digest = NEW.digest)
    WHERE id = NEW.repository_id
    AND (SELECT count(*) FROM (SELECT 1 FROM repository_blobs WHERE digest = NEW.digest LIMIT 2)) = 1;
  UPDATE repositories SET unique_bytes = unique_bytes - (SELECT size FROM blobs WHERE digest = NEW.digest)
    WHERE id = (SELECT repository_id FROM repository_blobs WHERE digest = NEW.digest AND repository_id <> NEW.repository_id LIMIT 1)
    AND (SELECT count(*) FROM (SELECT 1 FROM repository_blobs WHERE digest = NEW.digest LIMIT 3)) = 2;
  INSERT INTO upstream_sizes (upstream, bytes)
    SELECT coalesce(r.upstream, ''), b.size FROM repositories r JOIN blobs b ON b.digest = NEW.digest
    WHERE r.id = NEW.repository_id AND NOT EXISTS (
      SELECT 1 FROM repository_blobs o JOIN repositories s ON s.id = o.repository_id
      WHERE o.digest = NEW.digest AND o.repository_id <> NEW.repository_id AND s.upstream IS r.upstream)
    ON CONFLICT (upstream) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER repository_blobs_removed AFTER DELETE ON repository_blobs BEGIN
  UPDATE repositories SET
    content_count = content_count - 1,
    bytes = bytes - (SELECT size FROM blobs WHERE digest = OLD.digest)
    WHERE id = OLD.repository_id;
  UPDATE repositories SET unique_bytes = unique_bytes - (SELECT size FROM blobs WHERE digest = OLD.digest)
    WHERE id = OLD.repository_id AND NOT EXISTS (SELECT 1 FROM repository_blobs WHERE digest = OLD.digest);
  UPDATE repositories SET unique_bytes = unique_bytes + (SELECT size FROM blobs WHERE digest = OLD.digest)
    WHERE id = (SELECT repository_id FROM repository_blobs WHERE digest = OLD.digest LIMIT 1)
    AND (SELECT count(*) FROM (SELECT 1 FROM repository_blobs WHERE digest = OLD.digest LIMIT 2)) = 1;
  UPDATE upstream_sizes SET bytes = bytes - (SELECT size FROM blobs WHERE digest = OLD.digest)
    WHERE upstream = (SELECT coalesce(upstream, '') FROM repositories WHERE id = OLD.repository_id) AND NOT EXISTS (
      SELECT 1 FROM repository_blobs o JOIN repositories s ON s.id = o.repository_id
      WHERE o.digest = OLD.digest AND coalesce(s.upstream, '') = upstream_sizes.upstream);
END;
`;
