import { useRef } from 'react';
import type { CSSProperties, RefObject } from 'react';
import { defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual';
import { TableRow } from './table-row.tsx';
import { useAnchoredScroll, useElementWidth, useRovingRow } from './table-hooks.ts';
import type { Column, DataTableProps } from './data-table.types.ts';
import styles from './data-table.module.css';

const defaultRowHeight = 38;
const overscan = 10;

/**
 * A table or tree of any length: only what is on screen exists, every row is reachable by arrow keys, Home, End and page keys;
 * Enter opens, Space selects, Left and Right fold.
 */
export function DataTable<Row>(props: DataTableProps<Row>) {
  const { rows, rowHeight = defaultRowHeight, tree, selection } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const width = useElementWidth(scroller);
  const columns = props.columns.filter((column) => width === 0 || (column.fromWidth ?? 0) <= width);
  const roving = useRovingRow(props, scroller, rowHeight);
  const virtual = useRows(rows.length, rowHeight, scroller, roving.activeIndex);
  useAnchoredScroll(scroller, rows, props.rowKey, rowHeight);
  const template = columns.map((column) => column.track).join(' ');
  return (
    <div
      ref={scroller}
      className={styles['scroller']}
      style={{ maxHeight: props.maxHeight }}
      role={tree === undefined ? 'grid' : 'treegrid'}
      aria-label={props.label}
      aria-rowcount={rows.length + 1}
      aria-colcount={columns.length}
      {...(selection === undefined ? {} : { 'aria-multiselectable': true })}
      onKeyDown={roving.onKeyDown}
    >
      <Header columns={columns} template={template} />
      <div role="rowgroup" className={styles['body']} style={{ height: rows.length * rowHeight }}>
        {virtual.map((item) => {
          const row = rows[item.index];
          if (row === undefined) return null;
          const key = props.rowKey(row);
          return (
            <TableRow
              key={key}
              rowKey={key}
              row={row}
              index={item.index}
              top={item.start}
              height={rowHeight}
              columns={columns}
              template={template}
              isActive={item.index === roving.activeIndex}
              table={props}
              onActivate={roving.activate}
            />
          );
        })}
      </div>
    </div>
  );
}

function useRows(count: number, rowHeight: number, scroller: RefObject<HTMLDivElement | null>, activeIndex: number) {
  const virtualizer = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan,
    // The active row always exists, so that Tab finds it and focus is never lost by scrolling.
    rangeExtractor: (range) => {
      const indexes = defaultRangeExtractor(range);
      if (activeIndex >= 0 && activeIndex < count && !indexes.includes(activeIndex)) indexes.push(activeIndex);
      return indexes.sort((a, b) => a - b);
    },
  });
  return virtualizer.getVirtualItems();
}

function Header<Row>({ columns, template }: { readonly columns: readonly Column<Row>[]; readonly template: string }) {
  const style: CSSProperties = { gridTemplateColumns: template };
  return (
    <div role="rowgroup" className={styles['head']}>
      <div role="row" aria-rowindex={1} className={styles['row']} style={{ ...style, height: '100%' }}>
        {columns.map((column) => (
          <div
            key={column.id}
            role="columnheader"
            className={`${styles['cell'] ?? ''} ${column.align === 'end' ? (styles['end'] ?? '') : ''}`}
          >
            {column.header}
          </div>
        ))}
      </div>
    </div>
  );
}
