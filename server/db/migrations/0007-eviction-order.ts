/**
 * The order in which cached content goes when room is needed: what was used longest ago first. A use is a pull or, before
 * the first one, the arrival. The expressions are repeated word for word in `storage/eviction-rows.ts`, else the indexes
 * are not taken.
 */
export const migration0007 = `
-- tags of pushed content were never checked with an upstream
CREATE INDEX tags_used ON tags (max(first_seen_at, coalesce(last_pulled_at, 0)), repository_id, name)
  WHERE pinned = 0 AND checked_at IS NOT NULL;
CREATE INDEX repository_manifests_used
  ON repository_manifests (max(first_seen_at, coalesce(last_pulled_at, 0)), repository_id, digest) WHERE pinned = 0;
CREATE INDEX deleted_manifests_used
  ON deleted_manifests (max(coalesce(first_seen_at, deleted_at), coalesce(last_pulled_at, 0)), repository_id, digest);
CREATE INDEX tags_pinned ON tags (repository_id) WHERE pinned <> 0;
CREATE INDEX repository_manifests_pinned ON repository_manifests (repository_id) WHERE pinned <> 0;
CREATE INDEX repositories_pinned ON repositories (id) WHERE pinned <> 0;
`;
