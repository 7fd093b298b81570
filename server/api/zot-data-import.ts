import { isAbsolute } from 'node:path';
import { importFolder } from '../cache/import-folder.ts';
import type { ImportProgress } from '../cache/import-folder.ts';
import type { ImportTarget, LayoutImportParts } from '../cache/import-layout.ts';
import type { RepositoryImport } from '../cache/import-report.ts';
import { RequestError, isExpected } from '../errors.ts';
import type { RouteResponse } from './contract.ts';

export interface DataImportOptions {
  readonly directory: string;
  readonly isDryRun: boolean;
  readonly targetOf: (name: string) => ImportTarget;
  /** Told of each repository into which something came. */
  readonly onRepository: (result: RepositoryImport) => void;
  /** Told of a bug; failures a person can mend are in the state. */
  readonly onBug: (error: unknown) => void;
}

interface Run {
  readonly directory: string;
  readonly isDryRun: boolean;
  readonly startedAt: number;
  readonly cancelling: AbortController;
  readonly repositories: RepositoryImport[];
  readonly passedOver: { readonly path: string; readonly why: string }[];
  state: 'running' | 'done' | 'failed' | 'cancelled';
  progress: ImportProgress;
  finishedAt: number | undefined;
  error: string | undefined;
  ended: Promise<void>;
}

const nothingDone: ImportProgress = { repositories: 0, repositoriesTotal: 0, blobs: 0, bytes: 0 };
const pageSize = 500;
const idle: RouteResponse<'getZotImport'> = {
  state: 'idle',
  directory: '',
  dryRun: false,
  progress: { ...nothingDone },
  repositories: [],
  repositoriesDone: 0,
  passedOver: [],
};

/** The import of a zot data folder: one at a time, going on whoever asks, and what the last one did. */
export class ZotDataImport {
  readonly #parts: LayoutImportParts;
  #run: Run | undefined;

  constructor(parts: LayoutImportParts) {
    this.#parts = parts;
  }

  /** Begins one. @throws RequestError (CONFLICT while one runs, REQUEST_INVALID) */
  start(options: DataImportOptions): void {
    if (this.#run?.state === 'running')
      throw new RequestError('CONFLICT', `${this.#run.directory} is being imported; wait for it, or cancel it`, {
        value: options.directory,
      });
    if (!isAbsolute(options.directory))
      throw new RequestError(
        'REQUEST_INVALID',
        `${options.directory} must be an absolute path on the mirror's machine`,
        {
          value: options.directory,
        },
      );
    const run: Run = {
      directory: options.directory,
      isDryRun: options.isDryRun,
      startedAt: this.#parts.clock.now(),
      cancelling: new AbortController(),
      repositories: [],
      passedOver: [],
      state: 'running',
      progress: nothingDone,
      finishedAt: undefined,
      error: undefined,
      ended: Promise.resolve(),
    };
    this.#run = run;
    run.ended = this.#follow(run, options);
  }

  /** What is under way, or what the last one did; repositories from `from` on. */
  state(from = 0): RouteResponse<'getZotImport'> {
    const run = this.#run;
    if (run === undefined) return idle;
    return {
      state: run.state,
      directory: run.directory,
      dryRun: run.isDryRun,
      startedAt: run.startedAt,
      finishedAt: run.finishedAt,
      error: run.error,
      progress: { ...run.progress },
      repositories: run.repositories.slice(from, from + pageSize).map(mutable),
      repositoriesDone: run.repositories.length,
      passedOver: run.passedOver.slice(0, pageSize),
    };
  }

  /** Ends the one under way; what came stays. Resolves when it has ended. */
  async cancel(): Promise<void> {
    this.#run?.cancelling.abort();
    await this.#run?.ended;
  }

  async #follow(run: Run, options: DataImportOptions): Promise<void> {
    try {
      await importFolder(this.#parts, {
        root: options.directory,
        isDryRun: options.isDryRun,
        targetOf: options.targetOf,
        signal: run.cancelling.signal,
        onProgress: (progress) => {
          run.progress = progress;
        },
        onRepository: (result) => {
          run.repositories.push(result);
          if (!options.isDryRun && result.tags + result.manifests > 0) options.onRepository(result);
        },
        onPassedOver: (path, why) => {
          run.passedOver.push({ path, why });
        },
      });
      run.state = 'done';
    } catch (error) {
      run.state = run.cancelling.signal.aborted ? 'cancelled' : 'failed';
      if (run.state === 'failed') run.error = isExpected(error) ? error.message : 'it failed unexpectedly; see the log';
      if (run.state === 'failed' && !isExpected(error)) options.onBug(error);
    }
    run.finishedAt = this.#parts.clock.now();
  }
}

function mutable(result: RepositoryImport): RouteResponse<'getZotImport'>['repositories'][number] {
  return {
    ...result,
    damaged: result.damaged.map((one) => ({ ...one, breaks: [...one.breaks] })),
    skipped: [...result.skipped],
  };
}
