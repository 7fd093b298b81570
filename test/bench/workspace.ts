import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, closeSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { once } from 'node:events';

/** A server of the benchmark that is running. */
export interface Server {
  readonly pid: number;
  /** False once the process has ended by itself. */
  isRunning(): boolean;
  /** The end of what the process wrote, for a message when it fails. */
  logTail(): string;
  /** Asks the process group to end, kills it after 5 s, and resolves when it is gone. */
  stop(): Promise<void>;
}

/** What a command printed and how it ended. */
export interface Output {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * The temporary directory and every process of one benchmark: `close` and, failing that, `closeNow` leave nothing
 * behind, whatever was running.
 */
export class Workspace {
  readonly directory: string;
  readonly #servers = new Set<Server>();
  readonly #groups = new Set<number>();
  #logs = 0;

  constructor(parent: string | undefined) {
    this.directory = mkdtempSync(join(parent ?? tmpdir(), 'zhi-bench-'));
  }

  /** An empty directory of this name; what was there is removed. */
  async freshDirectory(name: string): Promise<string> {
    const path = join(this.directory, name);
    await rm(path, { recursive: true, force: true });
    await mkdir(path, { recursive: true });
    return path;
  }

  /** The directory of this name as it was left, made when it is not there. */
  async keptDirectory(name: string): Promise<string> {
    const path = join(this.directory, name);
    await mkdir(path, { recursive: true });
    return path;
  }

  /** Starts a server in a process group of its own, its output going to a log file. */
  startServer(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Server {
    this.#logs += 1;
    const logFile = join(this.directory, `server-${this.#logs}.log`);
    const log = openSync(logFile, 'a');
    const child = spawn(command, args, {
      stdio: ['ignore', log, log],
      detached: true,
      env: { ...process.env, ...env },
    });
    closeSync(log);
    const { pid } = child;
    if (pid === undefined) throw new Error(`${command} could not be started`);
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    this.#groups.add(pid);
    const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
    const stop = async (): Promise<void> => {
      signalGroup(pid, 'SIGTERM');
      const timer = setTimeout(() => signalGroup(pid, 'SIGKILL'), 5_000);
      await ended;
      clearTimeout(timer);
      // A worker may outlive its leader; the group id stays valid as long as one member does.
      signalGroup(pid, 'SIGKILL');
      this.#groups.delete(pid);
      this.#servers.delete(server);
    };
    const server: Server = { pid, isRunning, logTail: () => readFileSync(logFile, 'utf8').slice(-2_000), stop };
    this.#servers.add(server);
    return server;
  }

  /** Runs a command to its end and collects what it printed. */
  async run(command: string, args: readonly string[]): Promise<Output> {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const { pid } = child;
    if (pid !== undefined) this.#groups.add(pid);
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (piece: Buffer) => stdout.push(piece));
    child.stderr.on('data', (piece: Buffer) => stderr.push(piece));
    await once(child, 'close');
    if (pid !== undefined) this.#groups.delete(pid);
    return { status: child.exitCode, stdout: String(Buffer.concat(stdout)), stderr: String(Buffer.concat(stderr)) };
  }

  /** Ends the servers as an administrator would, kills whatever is left and removes the directory. */
  async close(): Promise<void> {
    await Promise.all([...this.#servers].map((server) => server.stop()));
    this.closeNow();
  }

  /** Kills what still runs and removes the directory, synchronously: for a process that is ending. */
  closeNow(): void {
    for (const pid of this.#groups) signalGroup(pid, 'SIGKILL');
    this.#groups.clear();
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}

/** A TCP port of 127.0.0.1 nobody listens on at this moment. */
export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no TCP port to be had on 127.0.0.1');
  return address.port;
}

/** The path of a program, looked for on PATH and where Debian puts servers; undefined when it is not installed. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: the whole group has already ended, which is what was wanted.
  }
}
