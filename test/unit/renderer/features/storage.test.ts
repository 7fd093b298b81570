import { describe, expect, it } from 'vitest';
import { evictionName } from '../../../../renderer/features/storage/eviction-words.ts';
import { spaceBar } from '../../../../renderer/features/storage/space-bar.ts';

const gib = 2 ** 30;
const storage = {
  cachedBytes: 30 * gib,
  pushedBytes: 8 * gib,
  incomingBytes: 2 * gib,
  keptBytes: 0,
  pinnedBytes: 0,
  usedBytes: 40 * gib,
  capBytes: 50 * gib,
  floorBytes: gib,
  freeBytes: 100 * gib,
};

const figures = (input: typeof storage) => {
  const { parts, marks } = spaceBar(input);
  return {
    bytes: Object.fromEntries(parts.map((part) => [part.id, part.bytes / gib])),
    length: Number(parts.reduce((sum, part) => sum + part.share, 0).toFixed(6)),
    marks: marks.map((mark) => [mark.id, Number(mark.share.toFixed(3))]),
  };
};

describe('the bar of the Storage page', () => {
  it('ends a little after the cap, with the cap marked', () => {
    expect(figures(storage)).toEqual({
      bytes: { cached: 30, pushed: 8, incoming: 2, room: 10, beyond: 90 },
      length: 1,
      marks: [['cap', 0.893]],
    });
  });

  it('is the whole reach without a cap, with the floor marked', () => {
    expect(figures({ ...storage, capBytes: 0 })).toEqual({
      bytes: { cached: 30, pushed: 8, incoming: 2, room: 99, beyond: 1 },
      length: 1,
      marks: [['floor', 0.993]],
    });
  });

  it('has no room for more when the cap is exceeded or the floor is reached', () => {
    expect(figures({ ...storage, capBytes: 20 * gib }).bytes['room']).toBe(0);
    expect(figures({ ...storage, capBytes: 0, freeBytes: gib / 2 }).bytes['room']).toBe(0);
  });

  it('is drawn for an empty store on a full disk', () => {
    const empty = {
      ...storage,
      cachedBytes: 0,
      pushedBytes: 0,
      incomingBytes: 0,
      usedBytes: 0,
      capBytes: 0,
      freeBytes: 0,
    };
    expect(figures(empty)).toEqual({
      bytes: { cached: 0, pushed: 0, incoming: 0, room: 0, beyond: 0 },
      length: 0,
      marks: [],
    });
  });
});

describe('the name of what goes', () => {
  it.each([
    [['v1'], 'a/b:v1'],
    [['v1', 'latest'], 'a/b:v1, latest'],
    [[`sha256:${'a'.repeat(64)}`], `a/b@sha256:${'a'.repeat(12)}…`],
  ])('for %j is %s', (references, name) => {
    expect(
      evictionName({ repository: 'a/b', references, digest: `sha256:${'a'.repeat(64)}`, firstSeenAt: 0, bytes: 0 }),
    ).toBe(name);
  });
});
