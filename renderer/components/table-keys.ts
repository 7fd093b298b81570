/** What a key does in a table. PURE: index, counts and tree facts in, intention out. */

export type TableAction =
  | { readonly kind: 'move'; readonly index: number }
  | { readonly kind: 'open' | 'toggle' | 'select' | 'selectAll' | 'clear' }
  | undefined;

export interface TableFacts {
  readonly index: number;
  readonly count: number;
  /** Rows that fit on screen. */
  readonly page: number;
  /** Depth of every row; empty for a plain table. */
  readonly levels: readonly number[];
  /** Whether the active row is unfolded; undefined for a leaf. */
  readonly expanded: boolean | undefined;
}

export interface PressedKey {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
}

/** The action of a key in a grid or tree grid (WAI-ARIA practices, "Treegrid"); undefined leaves the key to the browser. */
export function tableAction(pressed: PressedKey, facts: TableFacts): TableAction {
  if (facts.count === 0) return undefined;
  if (pressed.ctrlKey || pressed.metaKey) {
    return pressed.key.toLowerCase() === 'a' ? { kind: 'selectAll' } : undefined;
  }
  const target = moveTarget(pressed.key, facts);
  if (target !== undefined) return { kind: 'move', index: Math.min(facts.count - 1, Math.max(0, target)) };
  if (pressed.key === 'Enter') return { kind: 'open' };
  if (pressed.key === ' ') return { kind: 'select' };
  if (pressed.key === 'Escape') return { kind: 'clear' };
  return treeAction(pressed.key, facts);
}

function moveTarget(key: string, facts: TableFacts): number | undefined {
  const moves: Readonly<Record<string, number>> = {
    ArrowDown: facts.index + 1,
    ArrowUp: facts.index - 1,
    PageDown: facts.index + facts.page,
    PageUp: facts.index - facts.page,
    Home: 0,
    End: facts.count - 1,
  };
  return moves[key];
}

function treeAction(key: string, facts: TableFacts): TableAction {
  if (facts.levels.length === 0) return undefined;
  if (key === 'ArrowRight') {
    if (facts.expanded === false) return { kind: 'toggle' };
    return facts.expanded === true ? { kind: 'move', index: Math.min(facts.count - 1, facts.index + 1) } : undefined;
  }
  if (key !== 'ArrowLeft') return undefined;
  if (facts.expanded === true) return { kind: 'toggle' };
  const parent = parentIndex(facts.levels, facts.index);
  return parent === undefined ? undefined : { kind: 'move', index: parent };
}

function parentIndex(levels: readonly number[], index: number): number | undefined {
  const level = levels[index] ?? 0;
  for (let above = index - 1; above >= 0; above -= 1) {
    if ((levels[above] ?? 0) < level) return above;
  }
  return undefined;
}
