// Plain JavaScript: also read by the starters, which must decide fast and without TypeScript whether a build is needed.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const common = ['package.json', 'package-lock.json', 'tsconfig.json'];

/** What each part of `dist/` is made from, and the file that shows it was made. */
const targets = {
  server: {
    from: ['server', 'electron', 'build/bundle.ts', 'build/cli-stub.mjs', ...common],
    result: 'dist/server/cli.js',
  },
  renderer: {
    from: [
      'renderer',
      'server/api',
      'server/config',
      'server/oci',
      'server/errors.ts',
      'electron/desktop-api.ts',
      'build/vite.config.ts',
      ...common,
    ],
    result: 'dist/renderer/index.html',
  },
};

/** Names of the parts, in no order. */
export const targetNames = Object.keys(targets);

/** Parts of `dist/` that are missing or were made from other sources than the present ones. */
export function staleTargets() {
  return targetNames.filter((name) => !isFresh(name));
}

/** A digest of the names and bytes of everything the part is made from. */
export function sourceStamp(name) {
  const hash = createHash('sha256');
  for (const file of targets[name].from.flatMap((path) => filesUnder(path)).sort()) {
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update('\0');
  }
  return hash.digest('hex');
}

/** Remembers that the part was made from sources with this stamp. */
export function writeStamp(name, stamp) {
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(stampFile(name), stamp);
}

function isFresh(name) {
  if (!existsSync(join(root, targets[name].result)) || !existsSync(stampFile(name))) return false;
  return readFileSync(stampFile(name), 'utf8') === sourceStamp(name);
}

function stampFile(name) {
  return join(root, 'dist', `.${name}.stamp`);
}

function filesUnder(path) {
  if (!existsSync(join(root, path))) return [];
  if (/\.[a-z]+$/.test(path)) return [path];
  return readdirSync(join(root, path), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.md'))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(root.length + 1));
}
