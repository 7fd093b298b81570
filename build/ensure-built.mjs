// Plain JavaScript: what the starters share.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { projectNode, root, say } from './bootstrap.mjs';
import { staleTargets } from './sources.mjs';

/** Builds what is stale. Ends the process with a sentence when the build fails. */
export function ensureBuilt() {
  const stale = staleTargets();
  if (stale.length === 0) return;
  say(`building ${stale.join(' and ')}: a few seconds, only when sources changed`);
  const result = spawnSync(projectNode(), [join(root, 'build/bundle.ts')], { cwd: root, stdio: ['ignore', 2, 2] });
  if (result.status === 0) return;
  say('the build failed; its words are above.');
  process.exit(1);
}
