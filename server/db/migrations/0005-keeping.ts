/**
 * What bounded disk stands on: when a tag's content was left, what was deleted and is kept, what was read again.
 *
 *   tag_history.ended_at   the tag was moved or deleted then; NULL: it points there still. Kept from then on for history.keepFor
 *   tags.held_since        a person put the tag where it is: no upstream moves it until it is let go
 *   deleted_manifests      taken out of a repository by a person or a rule, its rows and blobs still here, to be undone
 *   blobs.verified_at      last read whole and found right; NULL: when it was stored
 *   damaged_blobs          found wrong by the scrub and set aside
 */
export const migration0005 = `
ALTER TABLE tag_history ADD COLUMN ended_at INTEGER;
ALTER TABLE tag_history ADD COLUMN ended_as TEXT CHECK (ended_as IN ('moved', 'deleted', 'retention', 'evicted', 'rolled back'));
UPDATE tag_history SET ended_at = last_seen_at, ended_as = 'moved' WHERE id NOT IN (
  SELECT max(h.id) FROM tag_history h JOIN tags t ON t.repository_id = h.repository_id AND t.name = h.name GROUP BY h.repository_id, h.name);
CREATE INDEX tag_history_digest ON tag_history (repository_id, digest);
CREATE INDEX tag_history_ended ON tag_history (ended_at) WHERE ended_at IS NOT NULL;

ALTER TABLE tags ADD COLUMN held_since INTEGER;

CREATE TABLE deleted_manifests (
  repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  digest TEXT NOT NULL REFERENCES manifests (digest),
  deleted_at INTEGER NOT NULL,
  PRIMARY KEY (repository_id, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX deleted_manifests_digest ON deleted_manifests (digest);
CREATE INDEX deleted_manifests_at ON deleted_manifests (deleted_at);

ALTER TABLE blobs ADD COLUMN verified_at INTEGER;
CREATE INDEX blobs_verified ON blobs (coalesce(verified_at, created_at));

CREATE TABLE damaged_blobs (
  digest TEXT PRIMARY KEY,
  size INTEGER NOT NULL,
  found_at INTEGER NOT NULL,
  reason TEXT NOT NULL,
  repaired_at INTEGER
) STRICT, WITHOUT ROWID;
`;
