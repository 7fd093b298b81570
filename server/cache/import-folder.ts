import { ContentError, RequestError } from '../errors.ts';
import type { Digest } from '../oci/digest.ts';
import { isRepositoryName, parseRepositoryName } from '../oci/reference.ts';
import { findLayouts } from '../storage/oci-layout.ts';
import type { LayoutRepository } from '../storage/oci-layout.ts';
import { LayoutImport } from './import-layout.ts';
import type { ImportTarget, LayoutImportParts } from './import-layout.ts';
import type { RepositoryImport } from './import-report.ts';

/** How far an import is. */
export interface ImportProgress {
  readonly repositories: number;
  readonly repositoriesTotal: number;
  readonly blobs: number;
  readonly bytes: number;
}

export interface FolderImportOptions {
  /** Folder that holds a repository per sub-folder; absolute. */
  readonly root: string;
  readonly isDryRun: boolean;
  /** Where a repository goes. @throws RequestError with the reason why it goes nowhere */
  readonly targetOf: (name: string) => ImportTarget;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: ImportProgress) => void;
  /** Told of each repository when it is done. */
  readonly onRepository: (result: RepositoryImport) => void;
  /** Told of each folder that is passed over. */
  readonly onPassedOver: (path: string, why: string) => void;
}

/**
 * Takes a folder of OCI layouts in, repository by repository; the folder is only read. It can be repeated: what is here
 * already is left alone.
 * @throws RequestError (REQUEST_INVALID) when the folder can't be used, StorageError when nothing more can be stored; aborts
 * with the signal's reason. What came until then stays.
 */
export async function importFolder(parts: LayoutImportParts, options: FolderImportOptions): Promise<void> {
  const { root, isDryRun, signal, onProgress } = options;
  const { repositories, ignored } = await findLayouts(root, signal);
  if (repositories.length === 0)
    throw new RequestError('REQUEST_INVALID', `${root} holds no repository: no folder in it has an index.json`, {
      value: root,
    });
  for (const { path, why } of ignored) options.onPassedOver(path, why);
  const counted = new Set<Digest>();
  let done = { repositories: 0, repositoriesTotal: repositories.length, blobs: 0, bytes: 0 };
  onProgress(done);
  const onBytes = (bytes: number): void => {
    done = { ...done, blobs: done.blobs + 1, bytes: done.bytes + bytes };
    onProgress(done);
  };
  for (const from of repositories) {
    signal.throwIfAborted();
    try {
      const target = targetFor(from, options);
      options.onRepository(await new LayoutImport(parts, from, target, { isDryRun, signal, onBytes, counted }).run());
    } catch (error) {
      // one repository that can't be used is no reason to leave the others
      if (!(error instanceof RequestError) && !(error instanceof ContentError)) throw error;
      options.onPassedOver(from.name, error.message);
    }
    done = { ...done, repositories: done.repositories + 1 };
    onProgress(done);
  }
}

function targetFor({ name }: LayoutRepository, { targetOf }: FolderImportOptions): ImportTarget {
  if (!isRepositoryName(name)) parseRepositoryName(name);
  return targetOf(name);
}
