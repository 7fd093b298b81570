/**
 * The first state. Times are milliseconds since the epoch, sizes bytes, digests as on the wire.
 *
 *   repositories ─┬─ tags ──────────────┐
 *                 ├─ tag_history        ├─► manifests ─── manifest_references ─► (blobs | manifests by digest)
 *                 ├─ repository_manifests┘
 *                 └─ repository_blobs ───► blobs (files: content/blobs/<algorithm>/<2 hex>/<hex>)
 *
 * Content is shared between repositories; the two `repository_*` tables say who may serve it (ARCHITECTURE "Names and identity").
 */
export const migration0001 = `
CREATE TABLE repositories (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  upstream TEXT,
  upstream_repository TEXT,
  created_at INTEGER NOT NULL,
  last_pulled_at INTEGER,
  last_pulled_by TEXT,
  pinned INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE manifests (
  digest TEXT PRIMARY KEY,
  media_type TEXT NOT NULL,
  artifact_type TEXT,
  subject TEXT,
  size INTEGER NOT NULL,
  content BLOB NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX manifests_subject ON manifests (subject) WHERE subject IS NOT NULL;

CREATE TABLE manifest_references (
  parent TEXT NOT NULL REFERENCES manifests (digest) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  child TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('config', 'layer', 'manifest')),
  media_type TEXT NOT NULL,
  size INTEGER NOT NULL,
  platform TEXT,
  PRIMARY KEY (parent, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX manifest_references_child ON manifest_references (child);

CREATE TABLE blobs (
  digest TEXT PRIMARY KEY,
  size INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE repository_manifests (
  repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  digest TEXT NOT NULL REFERENCES manifests (digest),
  first_seen_at INTEGER NOT NULL,
  last_pulled_at INTEGER,
  last_pulled_by TEXT,
  pinned INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (repository_id, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX repository_manifests_digest ON repository_manifests (digest);

CREATE TABLE repository_blobs (
  repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  digest TEXT NOT NULL REFERENCES blobs (digest),
  first_seen_at INTEGER NOT NULL,
  PRIMARY KEY (repository_id, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX repository_blobs_digest ON repository_blobs (digest);

CREATE TABLE tags (
  repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  digest TEXT NOT NULL REFERENCES manifests (digest),
  first_seen_at INTEGER NOT NULL,
  checked_at INTEGER,
  last_pulled_at INTEGER,
  last_pulled_by TEXT,
  stale_since INTEGER,
  pinned INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (repository_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX tags_digest ON tags (digest);

CREATE TABLE tag_history (
  id INTEGER PRIMARY KEY,
  repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  first_seen_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL
) STRICT;
CREATE INDEX tag_history_tag ON tag_history (repository_id, name, id);

-- answers of upstreams that are lists: tags and referrers, kept for freshness and for when the upstream is down
CREATE TABLE upstream_answers (
  repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  kind TEXT NOT NULL CHECK (kind IN ('tags', 'referrers')),
  key TEXT NOT NULL,
  body TEXT NOT NULL,
  checked_at INTEGER NOT NULL,
  PRIMARY KEY (repository_id, kind, key)
) STRICT, WITHOUT ROWID;

-- what the window changed; the settings file and flags win over it
CREATE TABLE settings (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE upstreams (
  name TEXT PRIMARY KEY,
  position INTEGER NOT NULL,
  settings TEXT NOT NULL
) STRICT;

-- passwords and tokens, sealed by the keychain or the key file
CREATE TABLE accounts (
  upstream TEXT NOT NULL,
  path TEXT NOT NULL,
  username TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('password', 'token')),
  sealed BLOB NOT NULL,
  PRIMARY KEY (upstream, path, username)
) STRICT, WITHOUT ROWID;

-- the index of the audit log; the JSON Lines files are the record. Text that repeats is kept once, in audit_texts:
-- artifact, client, user, digest, user_agent and upstream are its ids, which keeps a row near 80 bytes and a full scan short
CREATE TABLE audit (
  row INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  event TEXT NOT NULL,
  artifact INTEGER NOT NULL,
  client INTEGER NOT NULL,
  user INTEGER,
  digest INTEGER,
  cached INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  method TEXT,
  status INTEGER,
  code TEXT,
  bytes INTEGER,
  duration_ms REAL,
  user_agent INTEGER,
  request_id TEXT NOT NULL,
  upstream INTEGER,
  detail TEXT
) STRICT;
CREATE INDEX audit_digest ON audit (digest) WHERE digest IS NOT NULL;

CREATE TABLE audit_texts (
  id INTEGER PRIMARY KEY,
  text TEXT NOT NULL UNIQUE
) STRICT;

-- how far each audit file is indexed; its first bytes tell whether it is still the same file
CREATE TABLE audit_files (
  path TEXT PRIMARY KEY,
  head BLOB NOT NULL,
  indexed_bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- one row a minute for the plots
CREATE TABLE activity (
  minute INTEGER PRIMARY KEY,
  requests INTEGER NOT NULL,
  hits INTEGER NOT NULL,
  misses INTEGER NOT NULL,
  stale INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  bytes_served INTEGER NOT NULL,
  bytes_fetched INTEGER NOT NULL
) STRICT;
`;
