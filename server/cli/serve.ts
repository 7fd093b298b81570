import type { Mirror, MirrorConfig } from '../app.types.ts';
import { releaseUnusedMemory } from '../lib/memory.ts';
import type { CliIo, CommandLine } from './io.ts';
import { productVersion, rendererDirectory } from './product.ts';
import { readSettings } from './settings.ts';
import { describeZot, importHint } from './zot.ts';

type CreateMirror = (config: MirrorConfig) => Mirror;

/** `zhi-mirror serve`: runs the mirror until SIGINT or SIGTERM; a second one ends the process at once. */
export async function serve(line: CommandLine, io: CliIo): Promise<number> {
  const loaded = readSettings(line, io);
  if (loaded.zot !== undefined) for (const sentence of describeZot(loaded.zot, line.zotConfig ?? '')) io.err(sentence);
  const hint = loaded.zot === undefined ? undefined : importHint(loaded.zot, line.zotConfig ?? '');
  if (hint !== undefined) io.err(hint);
  const { createMirror } = await import('../app.ts');
  return runMirror(createMirror, mirrorConfig(loaded), io);
}

/** What `createMirror` is given for settings that were read. */
export function mirrorConfig(loaded: ReturnType<typeof readSettings>): MirrorConfig {
  const renderer = rendererDirectory();
  return {
    settings: loaded.settings,
    proxyEnvironment: loaded.proxyEnvironment,
    isDefaultUpstreamGiven: loaded.isDefaultUpstreamGiven,
    givenSettings: loaded.given,
    onQuiet: releaseUnusedMemory,
    version: productVersion(),
    ...(renderer === undefined ? {} : { rendererDirectory: renderer }),
  };
}

/** Starts a mirror, says where it is, and stops it when the process is asked to end. @throws what `start` throws */
export async function runMirror(createMirror: CreateMirror, config: MirrorConfig, io: CliIo): Promise<number> {
  const stopping = waitForStop(io);
  try {
    const mirror = createMirror(config);
    await mirror.start();
    // asked to stop while starting: the lines would be wrong by the time they are read
    if (!stopping.isAsked()) announce(mirror, config, io);
    await stopping.asked;
    await mirror.stop();
    return 0;
  } finally {
    stopping.forget();
  }
}

function announce(mirror: Mirror, config: MirrorConfig, io: CliIo): void {
  io.out(`Window: ${mirror.adminUrl}`);
  io.out(`Mirror: ${mirror.mirrorUrl}`);
  io.out(`Pull:   ${mirror.status().pullExample}`);
  if (config.rendererDirectory === undefined)
    io.err('The window is not built, so its address answers the admin API only; "npm run build" builds it.');
}

interface Stopping {
  readonly asked: Promise<void>;
  isAsked(): boolean;
  forget(): void;
}

function waitForStop(io: CliIo): Stopping {
  let isAsked = false;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const forget = io.onStopSignal((signal) => {
    if (isAsked) {
      // 128 + the signal's number, as shells report it
      io.exit(signal === 'SIGINT' ? 130 : 143);
      return;
    }
    isAsked = true;
    io.err('Stopping; once more ends it at once.');
    resolve(undefined);
  });
  return { asked: promise, isAsked: () => isAsked, forget };
}
