import process from 'node:process';
import type { Mirror, SecretBox } from './app.types.ts';
import type { CliIo } from './cli/io.ts';
import { readServeLine } from './cli/program.ts';
import { mirrorConfig } from './cli/serve.ts';
import { readSettings } from './cli/settings.ts';

export interface FlagOptions {
  readonly rendererDirectory: string;
  readonly secretBox?: SecretBox;
}

/**
 * A mirror by the flags of `zhi-mirror serve`, for the desktop app.
 * @throws ConfigError (CONFIG_INVALID) with every problem, exactly as `serve` would refuse
 */
export async function createMirrorFromFlags(args: readonly string[], options: FlagOptions): Promise<Mirror> {
  const io = desktopIo();
  const loaded = readSettings(await readServeLine(args, io), io);
  const { createMirror } = await import('./app.ts');
  return createMirror({ ...mirrorConfig(loaded), ...options });
}

/** The app has no terminal: problems come as errors, and its own signals are its own business. */
function desktopIo(): CliIo {
  return {
    out: () => undefined,
    err: () => undefined,
    onStopSignal: () => () => undefined,
    exit: () => undefined,
    env: process.env,
    cwd: process.cwd(),
  };
}
