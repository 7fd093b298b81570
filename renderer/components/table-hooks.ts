import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { KeyboardEvent, RefObject } from 'react';
import { tableAction } from './table-keys.ts';
import type { TableAction } from './table-keys.ts';
import type { DataTableProps } from './data-table.types.ts';

const headerHeight = 34;

/** Width of an element in pixels, 0 until it is known. */
export function useElementWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const target = element.current;
    if (target === null) return undefined;
    const observer = new ResizeObserver(() => {
      setWidth(target.clientWidth);
    });
    observer.observe(target);
    setWidth(target.clientWidth);
    return () => {
      observer.disconnect();
    };
  }, [element]);
  return width;
}

/** Keeps what is being read in place when rows arrive above it; at the very top new rows simply appear. */
export function useAnchoredScroll<Row>(
  scroller: RefObject<HTMLDivElement | null>,
  rows: readonly Row[],
  rowKey: (row: Row) => string,
  rowHeight: number,
): void {
  const firstKey = useRef<string | undefined>(undefined);
  const first = rows[0];
  const key = first === undefined ? undefined : rowKey(first);
  useLayoutEffect(() => {
    const target = scroller.current;
    const previous = firstKey.current;
    firstKey.current = key;
    if (target === null || previous === undefined || previous === key || target.scrollTop <= rowHeight) return;
    const added = rows.findIndex((row) => rowKey(row) === previous);
    if (added > 0) target.scrollTop += added * rowHeight;
  }, [scroller, rows, key, rowKey, rowHeight]);
}

export interface RovingRow {
  /** Index of the one row that Tab reaches; -1 in an empty table. */
  readonly activeIndex: number;
  readonly activate: (key: string) => void;
  readonly onKeyDown: (event: KeyboardEvent<HTMLElement>) => void;
}

/** One row of the table is active: arrow keys move it, the other keys act on it. */
export function useRovingRow<Row>(
  table: DataTableProps<Row>,
  scroller: RefObject<HTMLDivElement | null>,
  rowHeight: number,
): RovingRow {
  const { rows, rowKey, tree } = table;
  const [activeKey, setActiveKey] = useState<string | undefined>(undefined);
  const focusWanted = useRef(false);
  const found = activeKey === undefined ? -1 : rows.findIndex((row) => rowKey(row) === activeKey);
  const activeIndex = found >= 0 ? found : rows.length > 0 ? 0 : -1;

  useEffect(() => {
    if (!focusWanted.current) return;
    focusWanted.current = false;
    scroller.current?.querySelector<HTMLElement>('[data-active="true"]')?.focus({ preventScroll: true });
  }, [activeKey, scroller]);

  const onKeyDown = (event: KeyboardEvent<HTMLElement>): void => {
    const active = rows[activeIndex];
    if (active === undefined || !(event.target instanceof HTMLElement) || event.target.role !== 'row') return;
    const action = tableAction(event, {
      index: activeIndex,
      count: rows.length,
      page: Math.max(1, Math.floor(((scroller.current?.clientHeight ?? 400) - headerHeight) / rowHeight) - 1),
      levels: tree === undefined ? [] : rows.map((row) => tree.level(row)),
      expanded: tree?.isExpanded(active),
    });
    if (action === undefined) return;
    if (action.kind === 'move') {
      const target = rows[action.index];
      if (target === undefined) return;
      event.preventDefault();
      focusWanted.current = true;
      setActiveKey(rowKey(target));
      scrollToRow(scroller.current, action.index, rowHeight);
      return;
    }
    if (performAction(table, active, action)) event.preventDefault();
  };
  return { activeIndex, activate: setActiveKey, onKeyDown };
}

function scrollToRow(scroller: HTMLElement | null, index: number, rowHeight: number): void {
  if (scroller === null) return;
  const top = index * rowHeight;
  const room = scroller.clientHeight - headerHeight;
  if (top < scroller.scrollTop) scroller.scrollTop = top;
  else if (top + rowHeight > scroller.scrollTop + room) scroller.scrollTop = top + rowHeight - room;
}

/** Does what a key means for the active row; false when the table has no such thing. */
function performAction<Row>(table: DataTableProps<Row>, row: Row, action: NonNullable<TableAction>): boolean {
  switch (action.kind) {
    case 'open':
      return openRow(table, row);
    case 'toggle':
      table.tree?.toggle(row);
      return true;
    case 'select':
      return table.selection === undefined ? openRow(table, row) : selectRow(table, row);
    case 'selectAll':
      return selectAll(table);
    case 'clear':
      if (table.selection === undefined || table.selection.keys.size === 0) return false;
      table.selection.onChange(new Set());
      return true;
    case 'move':
      return false;
  }
}

/** Opens a row, or folds it when it is a branch. */
export function openRow<Row>(table: DataTableProps<Row>, row: Row): boolean {
  const mayOpen = table.isOpenable?.(row) ?? true;
  if (table.onOpen !== undefined && mayOpen) {
    table.onOpen(row);
    return true;
  }
  if (table.tree?.isExpanded(row) === undefined) return false;
  table.tree.toggle(row);
  return true;
}

/** Adds the row to the selection or takes it out. */
export function selectRow<Row>(table: DataTableProps<Row>, row: Row): boolean {
  const { selection } = table;
  if (selection?.isSelectable(row) !== true) return true;
  const keys = new Set(selection.keys);
  const key = table.rowKey(row);
  if (!keys.delete(key)) keys.add(key);
  selection.onChange(keys);
  return true;
}

function selectAll<Row>(table: DataTableProps<Row>): boolean {
  const { selection } = table;
  if (selection === undefined) return false;
  selection.onChange(new Set(table.rows.filter((row) => selection.isSelectable(row)).map((row) => table.rowKey(row))));
  return true;
}
