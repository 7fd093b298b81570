import { describe, expect, it } from 'vitest';
import { planGarbage } from '../../../../server/storage/garbage-plan.ts';
import type { GarbageNode } from '../../../../server/storage/garbage-plan.ts';

type Flags = Partial<Pick<GarbageNode, 'isRoot' | 'isBusy' | 'isOver'>>;

/** Edges as "index > image"; a name that is not written in `flags` has none. */
function graph(edges: readonly string[], flags: Readonly<Record<string, Flags>> = {}): Map<string, GarbageNode> {
  const pairs = edges.map((edge) => edge.split(' > ') as [string, string]);
  const names = new Set([...pairs.flat(), ...Object.keys(flags)]);
  return new Map(
    [...names].map((name): [string, GarbageNode] => [
      name,
      {
        leadsTo: pairs.filter(([from]) => from === name).map(([, to]) => to),
        ledToBy: pairs.filter(([, to]) => to === name).map(([from]) => from),
        isRoot: false,
        isBusy: false,
        isOver: false,
        ...flags[name],
      },
    ]),
  );
}

const cases: readonly [string, Map<string, GarbageNode>, readonly string[], readonly string[]][] = [
  ['a manifest that nothing leads to', graph([], { image: {} }), ['image'], ['image']],
  ['an index with its images', graph(['index > amd64', 'index > arm64']), ['index'], ['amd64', 'arm64', 'index']],
  ['what is attached to what goes', graph(['image > signature']), ['image'], ['image', 'signature']],
  ['not an image that another index lists', graph(['old > shared', 'new > shared'], { new: {} }), ['old'], ['old']],
  [
    'not what an image below it leads to, when that stays',
    graph(['old > shared', 'new > shared', 'shared > signature']),
    ['old'],
    ['old'],
  ],
  [
    'not a tagged image of an index that goes',
    graph(['index > image'], { image: { isRoot: true } }),
    ['index'],
    ['index'],
  ],
  ['not a candidate that is a root', graph([], { image: { isRoot: true } }), ['image'], []],
  [
    'nothing of an index through which somebody pulls',
    graph(['index > image', 'index > other'], { image: { isBusy: true } }),
    ['index'],
    [],
  ],
  ['not an image that an index still lists', graph(['index > image']), ['image'], []],
  [
    'a deleted image although an index still lists it',
    graph(['index > image'], { image: { isOver: true } }),
    ['image'],
    ['image'],
  ],
  ['two that list each other', graph(['one > two', 'two > one']), ['one', 'two'], ['one', 'two']],
  ['nothing that is not there', graph([], {}), ['unknown'], []],
];

describe('planGarbage', () => {
  it.each(cases)('collects %s', (_name, nodes, candidates, expected) => {
    expect(planGarbage(nodes, candidates).sort()).toEqual(expected);
  });

  it('collects in pieces what it would collect at once, whatever is shared between them', () => {
    const nodes = graph(['a > shared', 'b > shared', 'b > own']);
    const first = planGarbage(nodes, ['a']);
    const left = graph(['b > shared', 'b > own']);
    expect([...first, ...planGarbage(left, ['b'])].sort()).toEqual(planGarbage(nodes, ['a', 'b']).sort());
  });
});
