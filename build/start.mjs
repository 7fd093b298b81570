// `npm start`: installs what is missing, builds what is stale and runs the app: Electron where it can run, else the same
// server without a window of its own.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { ensureInstalled, forward, returnToCallersDirectory, root, runProjectNode, say } from './bootstrap.mjs';
import { findElectron } from './electron-binary.mjs';
import { ensureBuilt } from './ensure-built.mjs';

await ensureInstalled();
ensureBuilt();
const args = process.argv.slice(2).filter((argument) => argument !== '--headless');
const electron = process.argv.includes('--headless') ? { reason: '--headless was given' } : await findElectron();
returnToCallersDirectory();
process.exitCode = electron.path === undefined ? await runHeadless(electron.reason) : await runElectron(electron.path);

async function runElectron(path) {
  const code = await forward(spawn(path, [root, ...args], { stdio: 'inherit' }));
  // 127: the loader did not find one of the desktop's libraries
  return code === 127 ? runHeadless('Electron lacks a library of the desktop on this machine') : code;
}

function runHeadless(reason) {
  say(`no desktop window (${reason}); running the same mirror with its web UI instead`);
  return runProjectNode([join(root, 'dist/server/cli.js'), 'serve', ...args]);
}
