// `npm run -s zhi-mirror -- <command>`: the CLI from a checkout. Prints nothing of its own on standard output.
import { join } from 'node:path';
import process from 'node:process';
import { ensureInstalled, returnToCallersDirectory, root, runProjectNode } from './bootstrap.mjs';
import { ensureBuilt } from './ensure-built.mjs';

await ensureInstalled();
ensureBuilt();
returnToCallersDirectory();
process.exitCode = await runProjectNode([join(root, 'dist/server/cli.js'), ...process.argv.slice(2)]);
