import { chmodSync, copyFileSync, globSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { BuildOptions, Metafile, Plugin } from 'esbuild';
import { withLock } from './lock.mjs';
import { sourceStamp, staleTargets, targetNames, writeStamp } from './sources.mjs';
import type { TargetName } from './sources.mjs';

/**
 * Makes `dist/`: what is stale, or everything with `--force`.
 *
 *     dist/server/cli.js          starts on any Node, hands over to cli-main.js
 *     dist/server/cli-main.js     server/cli/main.ts
 *     dist/server/app-from-flags.js  what Electron imports
 *     dist/server/<path>-worker.js  every worker thread, at the path of its source
 *     dist/server/chunks/         what they share
 *     dist/electron/main.js, preload.cjs
 *     dist/renderer/              the window's files
 */
const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** Bundled CommonJS packages ask for Node's modules through `require`, which an ES module does not have. */
const requireBanner =
  "import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url);";

const common: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  logLevel: 'warning',
  legalComments: 'none',
  // half the size is half the time to parse and 20 MiB less to hold; names stay, for stacks and error classes
  minifyWhitespace: true,
  minifySyntax: true,
  metafile: true,
};

/** Keeps the server out of Electron's bundle: both must be one copy, with one set of workers. */
const serverStaysOutside: Plugin = {
  name: 'server-stays-outside',
  setup(bundle) {
    bundle.onResolve({ filter: /\/server\/app-from-flags\.ts$/ }, () => ({
      path: '../server/app-from-flags.js',
      external: true,
    }));
  },
};

/** Messages come in English; the other 50 languages of zod are 300 kB to parse at every start. */
const oneLanguage: Plugin = {
  name: 'one-language',
  setup(bundle) {
    bundle.onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    }));
  },
};

async function bundleServer(): Promise<void> {
  const workers = globSync('server/**/*-worker.ts', { cwd: root }).map((file): [string, string] => [
    file.replace(/\.ts$/, ''),
    file,
  ]);
  const { metafile } = await build({
    ...common,
    entryPoints: {
      'server/cli-main': 'server/cli/main.ts',
      'server/app-from-flags': 'server/app-from-flags.ts',
      ...Object.fromEntries(workers),
    },
    outdir: 'dist',
    chunkNames: 'server/chunks/[name]-[hash]',
    splitting: true,
    external: ['better-sqlite3', 'electron'],
    plugins: [oneLanguage],
    banner: { js: requireBanner },
  });
  copyFileSync(join(root, 'build/cli-stub.mjs'), join(root, 'dist/server/cli.js'));
  chmodSync(join(root, 'dist/server/cli.js'), 0o755);
  removeLeftovers('dist/server', metafile, ['dist/server/cli.js']);
}

async function bundleElectron(): Promise<void> {
  const main = await build({
    ...common,
    entryPoints: { 'electron/main': 'electron/main.ts' },
    outdir: 'dist',
    external: ['electron'],
    plugins: [serverStaysOutside],
    banner: { js: requireBanner },
  });
  // a sandboxed preload script is CommonJS and may require nothing but electron
  const preload = await build({
    ...common,
    entryPoints: { 'electron/preload': 'electron/preload.ts' },
    outdir: 'dist',
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    external: ['electron'],
  });
  removeLeftovers('dist/electron', main.metafile, Object.keys(preload.metafile?.outputs ?? {}));
}

async function bundleRenderer(): Promise<void> {
  // loaded only here: it costs more than the whole server build
  const vite = await import('vite');
  await vite.build({ configFile: join(root, 'build/vite.config.ts'), logLevel: 'warn' });
}

/** Removes what an earlier build left; done last, so a running server finds its chunks as long as possible. */
function removeLeftovers(directory: string, metafile: Metafile | undefined, also: readonly string[]): void {
  const made = new Set([...Object.keys(metafile?.outputs ?? {}), ...also]);
  for (const entry of readdirSync(join(root, directory), { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    if (!made.has(relative(root, file).replaceAll('\\', '/'))) rmSync(file);
  }
}

const builders: Readonly<Record<TargetName, () => Promise<void>>> = {
  server: async () => {
    await Promise.all([bundleServer(), bundleElectron()]);
  },
  renderer: bundleRenderer,
};

async function buildTarget(name: TargetName): Promise<void> {
  // taken before: a file saved during the build makes the result stale
  const stamp = sourceStamp(name);
  await builders[name]();
  writeStamp(name, stamp);
}

await withLock(join(root, '.cache/build.lock'), async () => {
  mkdirSync(join(root, 'dist'), { recursive: true });
  const wanted = process.argv.includes('--force') ? targetNames : staleTargets();
  await Promise.all(wanted.map((name) => buildTarget(name)));
});
