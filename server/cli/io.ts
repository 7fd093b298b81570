import type { LoadOptions } from '../config/load.ts';

/** What a command touches of its process, so that a test can be the process. */
export interface CliIo {
  /** One line on standard output: what was asked for. */
  out(line: string): void;
  /** One line on standard error: problems and notes. */
  err(line: string): void;
  /** Calls `listener` at each SIGINT and SIGTERM; returns the way to stop that. */
  onStopSignal(listener: (signal: 'SIGINT' | 'SIGTERM') => void): () => void;
  /** Ends the process at once. */
  exit(code: number): void;
  readonly env: LoadOptions['env'];
  readonly cwd: string;
}

/** A command line that was read: flags by name without dashes, as the person wrote them. */
export interface CommandLine {
  readonly flags: Readonly<Record<string, string>>;
  readonly settingsFile: string | undefined;
  /** `--zot-config`, as the person wrote it. */
  readonly zotConfig: string | undefined;
  /** The command's own options by name without dashes; an option without a value is "". */
  readonly options: Readonly<Record<string, string>>;
  /** What stands beside the flags. */
  readonly words: readonly string[];
  /** Whether `--json` was given. */
  readonly isJson: boolean;
  /** What is wrong with the command line itself, each one sentence. */
  readonly problems: readonly string[];
}

/** Runs one command; resolves with the exit code. @throws ConfigError for wrong input: exit code 2 */
export type CommandAction = (line: CommandLine, io: CliIo) => Promise<number>;
