import { join } from 'node:path';
import type { Digest } from '../oci/digest.ts';
import { Volumes, volumeAt } from './volumes.ts';

/**
 * Where everything lives. Only this file and `volumes` know.
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
 *   <volume>/volume.id, blobs/, incoming/, quarantine/   the same, in a directory of `storagePaths`
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
  /** Every directory in which blobs are; the four paths above and those below are the first one's, the storage directory's. */
  readonly volumes: Volumes;
  blob(digest: Digest): string;
  partial(digest: Digest): string;
  upload(id: string): string;
  quarantined(digest: Digest): string;
}

/** The layout of a data directory and, where it is elsewhere, of the content folder. */
export function layoutOf(dataDirectory: string, storageDirectory: string): Layout {
  const volume = volumeAt(0, storageDirectory === '' ? dataDirectory : storageDirectory);
  return {
    database: join(dataDirectory, 'mirror.db'),
    lock: join(dataDirectory, 'mirror.lock'),
    secretKey: join(dataDirectory, 'secret.key'),
    identityKey: join(dataDirectory, 'identity.key'),
    auditFile: join(dataDirectory, 'audit', 'audit.jsonl'),
    storage: volume.directory,
    incoming: volume.incoming,
    blobs: volume.blobs,
    quarantine: volume.quarantine,
    volumes: new Volumes(volume),
    blob: (digest) => volume.blob(digest),
    partial: (digest) => volume.partial(digest),
    upload: (id) => volume.upload(id),
    quarantined: (digest) => volume.quarantined(digest),
  };
}
