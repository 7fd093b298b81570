import type { CliIo } from '../../../../server/cli/io.ts';

type StopSignal = 'SIGINT' | 'SIGTERM';

/** A process for commands under test: keeps what they print, and sends them signals. */
export interface FakeIo extends CliIo {
  readonly stdout: string[];
  readonly stderr: string[];
  readonly exits: number[];
  signal(name: StopSignal): void;
  /** How many listeners wait for a signal. */
  listeners(): number;
}

export function fakeIo(env: CliIo['env'] = { HOME: '/nonexistent' }, cwd = '/'): FakeIo {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const exits: number[] = [];
  const listeners = new Set<(signal: StopSignal) => void>();
  return {
    stdout,
    stderr,
    exits,
    env,
    cwd,
    out: (line) => void stdout.push(line),
    err: (line) => void stderr.push(line),
    exit: (code) => void exits.push(code),
    onStopSignal: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    signal: (name) => {
      for (const listener of listeners) listener(name);
    },
    listeners: () => listeners.size,
  };
}
