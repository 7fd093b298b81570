// `npm test`: installs what is missing and runs every suite this machine can run; see test-suites.ts.
import { join } from 'node:path';
import process from 'node:process';
import { ensureInstalled, root, runProjectNode } from './bootstrap.mjs';

await ensureInstalled();
process.exitCode = await runProjectNode([join(root, 'build/test-suites.ts'), ...process.argv.slice(2)]);
