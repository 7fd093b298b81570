/** What proves the audit log: the mirror's keys, the last signed line of each log, and how far each forwarder is. */
export const migration0008 = `
-- Ed25519 public keys of this mirror; the private one is in identity.key. One is in use, the others only verify
CREATE TABLE identity_keys (
  fingerprint TEXT PRIMARY KEY,
  public_key TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  retired_at INTEGER
) STRICT, WITHOUT ROWID;

-- the last checkpoint of a log; a log that ends before it was cut short
CREATE TABLE audit_chain (
  log TEXT PRIMARY KEY,
  seq INTEGER NOT NULL,
  hash TEXT NOT NULL,
  at INTEGER NOT NULL,
  public_key TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- the last line that each receiver has
CREATE TABLE audit_forwards (
  name TEXT PRIMARY KEY,
  seq INTEGER NOT NULL,
  skipped INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
`;
