import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The product's version, of its package.json. */
export function productVersion(): string {
  const read: unknown = JSON.parse(readFileSync(join(productRoot(), 'package.json'), 'utf8'));
  if (typeof read === 'object' && read !== null && 'version' in read && typeof read.version === 'string')
    return read.version;
  throw new Error('package.json of zhi-mirror has no version');
}

/** Folder of the window's built files; undefined when they are not built. */
export function rendererDirectory(): string | undefined {
  const directory = join(productRoot(), 'dist', 'renderer');
  return existsSync(join(directory, 'index.html')) ? directory : undefined;
}

/** The same above `server/cli/` and above every file of `dist/server/`: the nearest folder with a package.json. */
function productRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'package.json'))) {
    const parent = dirname(directory);
    if (parent === directory) throw new Error('package.json of zhi-mirror is missing');
    directory = parent;
  }
  return directory;
}
