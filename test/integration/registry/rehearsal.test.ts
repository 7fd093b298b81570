import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildParts } from '../../../server/app-parts.ts';
import { settings as settingsSchema } from '../../../server/config/schema.ts';
import { rehearse } from '../../../server/rehearsal.ts';
import { atTestEnd, tempDirectory } from '../../support/cleanup.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import { testSettings } from '../../support/test-settings.ts';

const silent = {
  contentChanged: () => undefined,
  upstreamsChanged: () => undefined,
  policyChanged: () => undefined,
  warned: () => undefined,
};

async function openParts() {
  const dataDirectory = await tempDirectory();
  const config = {
    settings: settingsSchema.parse(testSettings(dataDirectory, {})),
    version: '0.0.0-test',
    log: () => undefined,
  };
  const parts = await buildParts(config, silent);
  atTestEnd(async () => {
    await parts.upstreams.close();
    parts.activity.close();
    await parts.audit.close();
    await parts.hashes.close();
    parts.db.close();
    parts.lock.release();
  });
  return { config, parts };
}

describe('the rehearsal of a pull', () => {
  it('leaves no file, no repository and no audit line behind, and nothing to say when pulls work', async () => {
    const mirror = await startTempMirror();

    const left = await readdir(join(mirror.dataDirectory, 'incoming'));
    const catalog = await mirror.get('/v2/_catalog');
    const lines = await mirror.audit({}, 1);

    expect({
      left,
      catalog: JSON.parse(catalog.body.toString('utf8')) as unknown,
      events: lines.map((line) => line.event),
    }).toEqual({
      left: [],
      catalog: { repositories: [] },
      events: ['mirror_start'],
    });
    expect(mirror.log).toEqual([]);
  });

  it('and all that keeps the store in order have nothing running when the mirror has stopped', async () => {
    const clock = new FakeClock();
    const mirror = await startTempMirror({ clock });
    expect(clock.ticking).toBeGreaterThan(0);

    await mirror.stop();

    expect({ ticking: clock.ticking, sleeping: clock.sleeping }).toEqual({ ticking: 0, sleeping: 0 });
  });

  it('finds that pulls work, by a real one', async () => {
    const { config, parts } = await openParts();

    expect(await rehearse(config, parts)).toBeUndefined();
  });

  it('says why when they do not', async () => {
    const { config, parts } = await openParts();
    const layout = { ...parts.layout, incoming: join(parts.layout.database, 'below-a-file') };

    expect(await rehearse(config, { ...parts, layout })).toMatch(/ENOTDIR/);
  });
});
