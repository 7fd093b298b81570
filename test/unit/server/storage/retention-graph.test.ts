import { describe, expect, it } from 'vitest';
import { decideUntagged, leavingManifests } from '../../../../server/storage/retention-graph.ts';
import type { RetentionGraph } from '../../../../server/storage/retention-graph.ts';
import type { RetentionNode } from '../../../../server/storage/retention-rows.ts';

const day = 86_400_000;
const now = 1000 * day;
const rule = { now, afterMs: 7 * day, keepForMs: 30 * day };

type NodeInput = Partial<Omit<RetentionNode, 'digest'>> & { readonly age?: number };

function graphOf(
  nodes: Readonly<Record<string, NodeInput>>,
  rest: Partial<Omit<RetentionGraph, 'nodes'>> = {},
): RetentionGraph {
  const whole = Object.entries(nodes).map(([digest, { age = 100, ...node }]): [string, RetentionNode] => [
    digest,
    {
      digest,
      subject: undefined,
      firstSeenAt: now - age * day,
      lastPulledAt: undefined,
      isPinned: false,
      children: [],
      blobs: [],
      ...node,
    },
  ]);
  return { nodes: new Map(whole), isPinned: false, tagged: new Set(), everTagged: new Map(), ...rest };
}

describe('manifests without a tag', () => {
  const table: readonly (readonly [string, RetentionGraph, readonly string[]])[] = [
    ['go when nobody used them for the time', graphOf({ a: { age: 7 }, b: { age: 6 } }), ['a']],
    ['stay when they were pulled within it', graphOf({ a: { lastPulledAt: now - 6 * day } }), []],
    ['stay when they are pinned', graphOf({ a: { isPinned: true } }), []],
    ['stay in a pinned repository', graphOf({ a: {} }, { isPinned: true }), []],
    [
      'stay while they have a tag',
      graphOf({ a: {} }, { tagged: new Set(['a']), everTagged: new Map([['a', undefined]]) }),
      [],
    ],
    [
      'stay while they are kept as the earlier content of a tag, and the time counts from when it left',
      graphOf(
        { kept: {}, over: {} },
        {
          everTagged: new Map([
            ['kept', now - 29 * day],
            ['over', now - 30 * day],
          ]),
        },
      ),
      ['over'],
    ],
    [
      'stay while an index lists them that stays, and go after one that goes',
      graphOf(
        { old: { children: ['x', 'y'] }, tagged: { children: ['y'] }, x: {}, y: {} },
        { tagged: new Set(['tagged']) },
      ),
      ['old', 'x'],
    ],
    [
      'stay when they were used, although the index that listed them goes',
      graphOf({ old: { children: ['x'] }, x: { lastPulledAt: now } }),
      ['old'],
    ],
    [
      'go with what they are attached to, or without it when it is not held',
      graphOf({ sig: { subject: 'a' }, a: {}, kept: { subject: 'b' }, b: { age: 1 }, stray: { subject: 'unknown' } }),
      ['a', 'stray', 'sig'],
    ],
  ];
  it.each(table)('%s', (_, graph, digests) => {
    expect(decideUntagged(graph, rule)).toEqual(digests);
  });
});

describe('manifests that stay no longer than the history keeps them', () => {
  it('are those that no tag, pin or manifest pulled by digest leads to', () => {
    const graph = graphOf(
      {
        gone: { children: ['shared', 'own'] },
        tagged: { children: ['shared'] },
        own: {},
        shared: {},
        signature: { subject: 'gone' },
        pinned: { isPinned: true },
        byDigest: {},
        going: {},
      },
      { tagged: new Set(['tagged']), everTagged: new Map([['gone', now]]) },
    );
    expect([...leavingManifests(graph, new Set(['going']))]).toEqual(['gone', 'own', 'signature', 'going']);
    expect(leavingManifests({ ...graph, isPinned: true }, new Set()).size).toBe(0);
  });
});
