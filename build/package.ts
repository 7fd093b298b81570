import { join } from 'node:path';
import { build } from 'electron-builder';
import type { CliOptions, Configuration } from 'electron-builder';
import { root } from './bootstrap.mjs';
import { ensureBuilt } from './ensure-built.mjs';

/**
 * `npm run package`: this platform's installer in `dist/packages`; `--dir`: the unpacked application only. Needs Electron's
 * binary, or its folder in ELECTRON_OVERRIDE_DIST_PATH.
 */
const electronFolder = process.env['ELECTRON_OVERRIDE_DIST_PATH'];

const config: Configuration = {
  appId: 'dev.zhi.mirror',
  productName: 'Zhi Mirror',
  icon: join(root, 'build/icons/icon.png'),
  directories: { output: join(root, 'dist/packages') },
  // everything is bundled but the SQLite driver; only this platform's binary of it goes along
  files: [
    'package.json',
    'dist/server/**',
    'dist/electron/**',
    'dist/renderer/**',
    'build/icons/**',
    '!build/icons/*.{ts,svg}',
    '!node_modules/**',
    'node_modules/better-sqlite3/**',
    '!node_modules/better-sqlite3/{deps,src,prebuilds}/**',
    'node_modules/better-sqlite3/prebuilds/${platform}-${arch}.node',
  ],
  // a native library cannot be loaded from inside the archive
  asarUnpack: ['node_modules/better-sqlite3/**'],
  npmRebuild: false,
  linux: { target: ['AppImage', 'deb'], category: 'Development' },
  mac: { target: ['dmg'], category: 'public.app-category.developer-tools' },
  win: { target: ['nsis'] },
  ...(electronFolder === undefined ? {} : { electronDist: electronFolder }),
};

ensureBuilt();
const options: CliOptions = { config, publish: 'never', projectDir: root };
const made = await build(process.argv.includes('--dir') ? { ...options, dir: true } : options);
for (const file of made) console.log(file);
