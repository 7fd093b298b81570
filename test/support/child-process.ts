import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** A program under way, its output kept. */
export class RunningProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<number | undefined>;
  #output = '';
  #ended = false;
  #waiting: (() => void)[] = [];

  constructor(
    command: string,
    args: readonly string[],
    options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
  ) {
    this.#child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    const keep = (piece: Buffer): void => {
      // the end is what explains a failure; a chatty program must not fill the memory
      this.#output = (this.#output + piece.toString()).slice(-1_000_000);
      this.#wake();
    };
    this.#child.stdout?.on('data', keep);
    this.#child.stderr?.on('data', keep);
    this.#exited = new Promise((resolve) => {
      const over = (code: number | null): void => {
        this.#ended = true;
        this.#wake();
        resolve(code ?? undefined);
      };
      this.#child.once('exit', over);
      this.#child.once('error', (error) => {
        this.#output += error.message;
        over(null);
      });
    });
  }

  /** Process id; 0 when it could not be started. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Standard output and error so far, mixed. */
  get output(): string {
    return this.#output;
  }

  get running(): boolean {
    return !this.#ended;
  }

  /** Exit code once it ended; undefined after a signal. */
  get exited(): Promise<number | undefined> {
    return this.#exited;
  }

  /** Waits until the output contains `pattern`. Fails with the output when the program ends first. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#output);
      if (match !== null) return match;
      if (this.#ended) throw new Error(`the program ended before it printed ${String(pattern)}:\n${this.#output}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Ends it with a signal and waits until it is gone. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (!this.#ended) this.#child.kill(signal);
    await this.#exited;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** What a program that ran to its end left. */
export interface Finished {
  readonly code: number | undefined;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs a program to its end, whatever its exit code; killed after `limitMs` (default 60 s). */
export async function run(
  command: string,
  args: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string; readonly limitMs?: number } = {},
): Promise<Finished> {
  const { limitMs = 60_000, ...rest } = options;
  const child = spawn(command, args, {
    ...rest,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: limitMs,
    killSignal: 'SIGKILL',
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (piece: Buffer) => stdout.push(piece));
  child.stderr.on('data', (piece: Buffer) => stderr.push(piece));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code: code ?? undefined, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() };
}

/** The same, but an exit code other than 0 is an error with the program's own words. */
export async function runWell(
  command: string,
  args: readonly string[],
  options: Parameters<typeof run>[2] = {},
): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, options);
  if (code === 0) return stdout.toString();
  throw new Error(
    `${command} ${args.join(' ')} ended with ${code === undefined ? 'a signal' : String(code)}:\n${stderr}\n${stdout.toString()}`,
  );
}
