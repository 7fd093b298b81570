import { join } from 'node:path';
import { algorithmOf, hexOf } from '../oci/digest.ts';
import type { Digest } from '../oci/digest.ts';

/**
 * Where everything lives. Only this file knows.
 *
 *   <data>/mirror.db              state (SQLite, WAL)
 *   <data>/mirror.lock            held by the one running process
 *   <data>/secret.key             seals account passwords where there is no keychain, mode 0600
 *   <data>/identity.key           signs the audit log: PEM, mode 0600
 *   <data>/audit/audit.jsonl      the audit log, unless a file is named
 *   <storage>/blobs/sha256/ab/abcd…     one file per blob, named by its digest; whole and verified, or absent
 *   <storage>/incoming/sha256-abcd….part  a download under way; resumed by Range after a break or a restart
 *   <storage>/incoming/upload-<id>.part   a push under way; the client goes on with it, or it expires
 *   <storage>/quarantine/sha256-abcd…     a blob or manifest that rotted; goes when it is whole again or nothing needs it
 */
export interface Layout {
  readonly database: string;
  readonly lock: string;
  readonly secretKey: string;
  readonly identityKey: string;
  readonly auditFile: string;
  readonly storage: string;
  readonly incoming: string;
  readonly blobs: string;
  readonly quarantine: string;
  blob(digest: Digest): string;
  partial(digest: Digest): string;
  upload(id: string): string;
  quarantined(digest: Digest): string;
}

/** The layout of a data directory and, where it is elsewhere, of the content folder. */
export function layoutOf(dataDirectory: string, storageDirectory: string): Layout {
  const storage = storageDirectory === '' ? dataDirectory : storageDirectory;
  const blobs = join(storage, 'blobs');
  const incoming = join(storage, 'incoming');
  const quarantine = join(storage, 'quarantine');
  return {
    database: join(dataDirectory, 'mirror.db'),
    lock: join(dataDirectory, 'mirror.lock'),
    secretKey: join(dataDirectory, 'secret.key'),
    identityKey: join(dataDirectory, 'identity.key'),
    auditFile: join(dataDirectory, 'audit', 'audit.jsonl'),
    storage,
    incoming,
    blobs,
    quarantine,
    blob: (digest) => join(blobs, algorithmOf(digest), hexOf(digest).slice(0, 2), hexOf(digest)),
    partial: (digest) => join(incoming, `${algorithmOf(digest)}-${hexOf(digest)}.part`),
    upload: (id) => join(incoming, `upload-${id}.part`),
    quarantined: (digest) => join(quarantine, `${algorithmOf(digest)}-${hexOf(digest)}`),
  };
}
