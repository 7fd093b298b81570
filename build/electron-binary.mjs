// Plain JavaScript: finds Electron's binary, which its npm package fetches only when first needed, or says in seconds why
// there is none. Never waits for a network that is not there.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { projectNode, root, say } from './bootstrap.mjs';

const electronPackage = join(root, 'node_modules', 'electron');
const probeTimeoutMs = 4000;
const downloadTimeoutMs = 300_000;

/** `{ path }` of a binary that can run here, or `{ reason }` in words for a person. */
export async function findElectron() {
  const obstacle = platformObstacle();
  if (obstacle !== undefined) return { reason: obstacle };
  const held = installedElectron();
  if (held !== undefined) return { path: held };
  const unreachable = await probeDownload();
  if (unreachable !== undefined)
    return { reason: `Electron's binary is not installed and cannot be downloaded: ${unreachable}` };
  say('downloading Electron, about 120 MB, once');
  spawnSync(projectNode(), [join(electronPackage, 'install.js')], {
    stdio: ['ignore', 2, 2],
    timeout: downloadTimeoutMs,
  });
  const path = installedElectron();
  return path === undefined ? { reason: "the download of Electron's binary failed" } : { path };
}

/** Path of the binary if it is there already. */
export function installedElectron() {
  const pathFile = join(electronPackage, 'path.txt');
  const override = process.env.ELECTRON_OVERRIDE_DIST_PATH;
  const name = existsSync(pathFile) ? readFileSync(pathFile, 'utf8').trim() : undefined;
  if (override)
    return existingFile(join(override, name ?? (process.platform === 'win32' ? 'electron.exe' : 'electron')));
  return name === undefined ? undefined : existingFile(join(electronPackage, 'dist', name));
}

/** Why a window cannot be opened on this machine whatever is installed, or undefined. */
export function platformObstacle() {
  if (process.platform !== 'linux') return undefined;
  if (!process.env.DISPLAY && !process.env.WAYLAND_DISPLAY) return 'there is no display';
  if (process.getuid?.() === 0) return "Electron's sandbox does not work as root";
  return undefined;
}

function existingFile(path) {
  return existsSync(path) ? path : undefined;
}

async function probeDownload() {
  const mirror = process.env.ELECTRON_MIRROR ?? process.env.npm_config_electron_mirror;
  const { version } = JSON.parse(readFileSync(join(electronPackage, 'package.json'), 'utf8'));
  const base = mirror ?? 'https://github.com/electron/electron/releases/download/';
  const url = `${base}v${version}/electron-v${version}-${process.platform}-${process.arch}.zip`;
  try {
    const answer = await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(probeTimeoutMs) });
    return answer.ok ? undefined : `${new URL(url).host} answers ${answer.status}`;
  } catch (error) {
    const code = error?.cause?.code ?? (error?.name === 'TimeoutError' ? 'no answer in time' : String(error?.message));
    return `${new URL(url).host} is not reachable (${code})`;
  }
}
