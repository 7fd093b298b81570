#!/usr/bin/env node
// `dist/server/cli.js`. An older Node crashes on loading the SQLite driver (it needs Node-API 10), so before anything is
// loaded it hands over to the Node this package depends on.
import process from 'node:process';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major >= 24 || (major === 22 && minor >= 19)) await import('./cli-main.js');
else await handOver();

async function handOver() {
  const { spawn } = await import('node:child_process');
  const { createRequire } = await import('node:module');
  const { dirname, join } = await import('node:path');
  const { fileURLToPath } = await import('node:url');
  let node;
  try {
    const found = createRequire(import.meta.url).resolve('node/package.json');
    node = join(dirname(found), 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  } catch {
    process.stderr.write(`zhi-mirror: Node ${process.versions.node} is too old; Node 24 (or 22.19) is needed.\n`);
    process.exit(2);
  }
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // a terminal sends Ctrl-C to the child itself
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on('error', (error) => {
    process.stderr.write(`zhi-mirror: ${node} could not be started: ${error.message}\n`);
    process.exitCode = 127;
  });
  child.on('exit', (code) => {
    process.exitCode = code ?? 1;
  });
}
