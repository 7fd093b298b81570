/**
 * What undoing stands on.
 *
 *   repositories.made_at   a person made it; it is listed while it is empty (content_count counts that as one)
 *   deleted_manifests.*    what the link said, to be said again when it is restored
 *
 * What comes back by itself, by a push or a pull, is not deleted any more.
 */
export const migration0006 = `
ALTER TABLE repositories ADD COLUMN made_at INTEGER;
CREATE TRIGGER repositories_made AFTER UPDATE OF made_at ON repositories WHEN (OLD.made_at IS NULL) <> (NEW.made_at IS NULL) BEGIN
  UPDATE repositories SET content_count = content_count + (CASE WHEN NEW.made_at IS NULL THEN -1 ELSE 1 END) WHERE id = NEW.id;
END;

-- where each tag points: found at each move, however long the tag's history is
CREATE INDEX tag_history_open ON tag_history (repository_id, name) WHERE ended_at IS NULL;
CREATE INDEX tag_history_deleted ON tag_history (ended_at) WHERE ended_as IN ('deleted', 'retention');

ALTER TABLE deleted_manifests ADD COLUMN first_seen_at INTEGER;
ALTER TABLE deleted_manifests ADD COLUMN last_pulled_at INTEGER;
ALTER TABLE deleted_manifests ADD COLUMN last_pulled_by TEXT;
CREATE TRIGGER repository_manifests_back AFTER INSERT ON repository_manifests BEGIN
  DELETE FROM deleted_manifests WHERE repository_id = NEW.repository_id AND digest = NEW.digest;
END;
`;
