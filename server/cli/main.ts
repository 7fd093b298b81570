import process from 'node:process';
import type { CliIo } from './io.ts';

/** Entry of `zhi-mirror`. What a command does not need is not loaded: `--version` answers at once. */
const argv = process.argv.slice(2);
if (argv.length === 1 && /^(?:--?version|-V)$/.test(argv[0] ?? '')) {
  const { productVersion } = await import('./product.ts');
  process.stdout.write(`${productVersion()}\n`);
} else {
  const { runCli } = await import('./program.ts');
  const code = await runCli(argv, processIo());
  // whatever may still be open must not keep a stopped mirror alive; the empty write comes after all that was printed
  process.stdout.write('', () => process.exit(code));
}

function processIo(): CliIo {
  // `zhi-mirror serve | head -1` must not end the mirror
  process.stdout.on('error', () => undefined);
  return {
    out: (line) => void process.stdout.write(`${line}\n`),
    err: (line) => void process.stderr.write(`${line}\n`),
    onStopSignal: (listener) => {
      process.on('SIGINT', listener).on('SIGTERM', listener);
      return () => void process.off('SIGINT', listener).off('SIGTERM', listener);
    },
    exit: (code) => {
      process.exit(code);
    },
    env: process.env,
    cwd: process.cwd(),
  };
}
