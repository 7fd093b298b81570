/**
 * Directories beside the storage directory in which blobs are.
 *
 *   volumes.mark      what its `volume.id` says; '': it was not used yet
 *   blobs.volume      where the blob's file is, uploads.volume where its bytes come; 0: the storage directory
 */
export const migration0009 = `
CREATE TABLE volumes (
  id INTEGER PRIMARY KEY,
  directory TEXT NOT NULL UNIQUE,
  mark TEXT NOT NULL
) STRICT;

ALTER TABLE blobs ADD COLUMN volume INTEGER NOT NULL DEFAULT 0;
CREATE INDEX blobs_volume ON blobs (volume) WHERE volume <> 0;
ALTER TABLE uploads ADD COLUMN volume INTEGER NOT NULL DEFAULT 0;
`;
