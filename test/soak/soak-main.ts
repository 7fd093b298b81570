import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startMirrorProcess } from '../support/mirror-process.ts';
import type { MirrorProcess } from '../support/mirror-process.ts';
import { Soak, soakSettings } from './soak.ts';

/** `npm run soak -- [--minutes 20] [--kills 8] [--workers 8]`: exit code 0 when nothing was lost and nothing is left over. */
process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const minutes = numberOf(args, 'minutes', 20);
  const directory = await mkdtemp(join(tmpdir(), 'zhi-mirror-soak-'));
  const mirror = await startMirrorProcess({ settings: soakSettings, dataDirectory: directory });
  const stop = (): void => void mirror.remove().finally(() => process.exit(130));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const seed = String(process.pid);
  const options = {
    seconds: minutes * 60,
    kills: numberOf(args, 'kills', Math.ceil(minutes / 2.5)),
    workers: numberOf(args, 'workers', 8),
    seed,
  };
  const { counts, violations, verified, disk, unexplained } = await new Soak(mirror, options).run();
  const { rows, ...rest } = disk;
  const result = { minutes, counts, verified, violations, blobs: rows.length, unexplained, ...rest };
  process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
  const isWell =
    violations.length + unexplained.length + disk.orphans.length + disk.broken.length + disk.leftovers.length === 0;
  if (isWell) await mirror.remove();
  else await keep(mirror, directory);
  return isWell ? 0 : 1;
}

/** What a person needs who looks at a failed run. */
async function keep(mirror: MirrorProcess, directory: string): Promise<void> {
  await writeFile(join(directory, 'output.log'), mirror.output);
  await mirror.stop();
  process.stdout.write(`The data directory ${directory} is left as it is.\n`);
}

function numberOf(args: readonly string[], name: string, otherwise: number): number {
  const at = args.indexOf(`--${name}`);
  const value = at < 0 ? otherwise : Number(args[at + 1]);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new Error(`--${name} needs a number`);
}
