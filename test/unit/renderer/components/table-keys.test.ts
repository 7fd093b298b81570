import { describe, expect, it } from 'vitest';
import { tableAction } from '../../../../renderer/components/table-keys.ts';
import type { TableFacts } from '../../../../renderer/components/table-keys.ts';

const key = (name: string, held: { ctrlKey?: boolean; metaKey?: boolean } = {}) => ({
  key: name,
  ctrlKey: held.ctrlKey ?? false,
  metaKey: held.metaKey ?? false,
});
const plain: TableFacts = { index: 3, count: 10, page: 4, levels: [], expanded: undefined };
const tree: TableFacts = { index: 3, count: 5, page: 4, levels: [0, 1, 2, 2, 1], expanded: undefined };

describe('a key in a table', () => {
  it.each([
    ['ArrowDown', 4],
    ['ArrowUp', 2],
    ['PageDown', 7],
    ['PageUp', 0],
    ['Home', 0],
    ['End', 9],
  ])('%s moves to row %d', (name, index) => {
    expect(tableAction(key(name), plain)).toEqual({ kind: 'move', index });
  });

  it('stays inside the table', () => {
    expect([
      tableAction(key('ArrowUp'), { ...plain, index: 0 }),
      tableAction(key('PageDown'), { ...plain, index: 9 }),
    ]).toEqual([
      { kind: 'move', index: 0 },
      { kind: 'move', index: 9 },
    ]);
  });

  it('opens, selects, selects all and clears', () => {
    const kinds = [key('Enter'), key(' '), key('a', { ctrlKey: true }), key('A', { metaKey: true }), key('Escape')];
    expect(kinds.map((pressed) => tableAction(pressed, plain)?.kind)).toEqual([
      'open',
      'select',
      'selectAll',
      'selectAll',
      'clear',
    ]);
  });

  it('is left to the browser when it means nothing here', () => {
    const pressed = [key('Tab'), key('c', { ctrlKey: true }), key('ArrowRight'), key('ArrowLeft')];
    expect(pressed.map((one) => tableAction(one, plain))).toEqual([undefined, undefined, undefined, undefined]);
    expect(tableAction(key('ArrowDown'), { ...plain, count: 0 })).toBeUndefined();
  });
});

describe('a key in a tree', () => {
  it('Right unfolds, then goes to the first child; on a leaf it means nothing', () => {
    expect([
      tableAction(key('ArrowRight'), { ...tree, expanded: false }),
      tableAction(key('ArrowRight'), { ...tree, index: 1, expanded: true }),
      tableAction(key('ArrowRight'), tree),
    ]).toEqual([{ kind: 'toggle' }, { kind: 'move', index: 2 }, undefined]);
  });

  it('Left folds, then goes to the parent; at the top it means nothing', () => {
    expect([
      tableAction(key('ArrowLeft'), { ...tree, expanded: true }),
      tableAction(key('ArrowLeft'), tree),
      tableAction(key('ArrowLeft'), { ...tree, index: 0 }),
    ]).toEqual([{ kind: 'toggle' }, { kind: 'move', index: 1 }, undefined]);
  });
});
