import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** One program of `npm run dev`. */
export interface DevProgram {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The line by which it says that it is ready; its first group, or the line, is handed over. */
  readonly readyLine: RegExp;
}

interface Running {
  readonly name: string;
  readonly child: ChildProcess;
  readonly ended: Promise<undefined>;
}

const colours = [36, 33, 35, 32];
const stopTimeoutMs = 5000;

/** Programs started one after the other, each line of theirs with its name in its colour, and stopped in reverse. */
export class DevProcesses {
  readonly #running: Running[] = [];
  readonly #onEnd: (name: string) => void;
  #isStopping = false;

  /** `onEnd` is called when a program ends by itself. */
  constructor(onEnd: (name: string) => void) {
    this.#onEnd = onEnd;
  }

  /** Starts the program and resolves with what its ready line says. @throws Error when it ends before */
  start(program: DevProgram): Promise<string> {
    const { name, command, args, env } = program;
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
      // Ctrl-C is ours: they are stopped in order
      detached: process.platform !== 'win32',
    });
    const { promise: ended, resolve: end } = Promise.withResolvers<undefined>();
    this.#running.push({ name, child, ended });
    return new Promise((resolve, reject) => {
      this.#show(program, child, resolve);
      child.on('error', reject);
      child.on('close', () => {
        end(undefined);
        reject(new Error(`${name} ended before it was ready`));
        if (!this.#isStopping) this.#onEnd(name);
      });
    });
  }

  /** Asks each to stop, last first; returns the names of those that had to be killed. */
  async stop(): Promise<string[]> {
    this.#isStopping = true;
    const killed: string[] = [];
    for (const { name, child, ended } of this.#running.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      signalGroup(child, 'SIGTERM');
      const timer = setTimeout(() => {
        killed.push(name);
        signalGroup(child, 'SIGKILL');
      }, stopTimeoutMs);
      await ended;
      clearTimeout(timer);
    }
    return killed;
  }

  #show({ name, readyLine }: DevProgram, child: ChildProcess, ready: (found: string) => void): void {
    const colour = colours[(this.#running.length - 1) % colours.length] ?? 0;
    const prefix = process.stdout.isTTY ? `\u001b[${colour}m${name.padEnd(9)}\u001b[0m` : name.padEnd(9);
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        console.log(`${prefix} ${line}`);
        // colours stand inside the line
        const match = readyLine.exec(line.replaceAll(/\u001b\[[0-9;]*m/g, ''));
        if (match !== null) ready(match[1] ?? match[0]);
      });
    }
  }
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? child.pid : -child.pid, signal);
  } catch {
    // it has ended meanwhile
  }
}
