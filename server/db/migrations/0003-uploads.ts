/**
 * Blob uploads under way: what a client was told is received survives a restart. The bytes are in the file
 * `incoming/upload-<id>.part`; `bytes` is how many of them were acknowledged.
 */
export const migration0003 = `
CREATE TABLE uploads (
  id TEXT PRIMARY KEY,
  repository TEXT NOT NULL,
  algorithm TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  touched_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX uploads_touched ON uploads (touched_at);
`;
