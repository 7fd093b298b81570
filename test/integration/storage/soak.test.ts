import { expect, test } from 'vitest';
import { startMirrorProcess } from '../../support/mirror-process.ts';
import { Soak, soakSettings } from '../../soak/soak.ts';

/** The short form of `npm run soak`. */
test(
  'after pushes, pulls, deletions, collections and kill -9 side by side all that was acknowledged is there, and nothing else',
  { timeout: 150_000 },
  async () => {
    const mirror = await startMirrorProcess({ settings: soakSettings });
    const result = await new Soak(mirror, { seconds: 30, kills: 2, workers: 6, seed: 'short' }).run();
    const { violations, unexplained, disk, counts, verified } = result;
    expect(violations).toEqual([]);
    expect({ unexplained, orphans: disk.orphans, broken: disk.broken, leftovers: disk.leftovers }).toEqual({
      unexplained: [],
      orphans: [],
      broken: [],
      leftovers: [],
    });
    expect(disk.fileBytes).toBe(disk.rowBytes);
    expect(Math.min(verified, counts['pushes'] ?? 0, counts['pulls'] ?? 0, counts['kill -9'] ?? 0)).toBeGreaterThan(0);
  },
);
