import type { MouseEvent } from 'react';
import { IconCheck, IconChevronRight } from '@tabler/icons-react';
import { openRow, selectRow } from './table-hooks.ts';
import type { Column, DataTableProps } from './data-table.types.ts';
import styles from './data-table.module.css';

interface TableRowProps<Row> {
  readonly row: Row;
  readonly rowKey: string;
  readonly index: number;
  /** Offset in the body, px. */
  readonly top: number;
  readonly height: number;
  readonly columns: readonly Column<Row>[];
  readonly template: string;
  readonly isActive: boolean;
  readonly table: DataTableProps<Row>;
  readonly onActivate: (key: string) => void;
}

/** One row, placed by the virtualiser. */
export function TableRow<Row>(props: TableRowProps<Row>) {
  const { row, table, columns, isActive } = props;
  const isSelected = table.selection?.keys.has(props.rowKey);
  const expanded = table.tree?.isExpanded(row);
  const mayOpen = expanded !== undefined || (table.onOpen !== undefined && (table.isOpenable?.(row) ?? true));
  return (
    <div
      role="row"
      className={rowLook(isSelected === true, mayOpen, table.isGroup?.(row) === true)}
      style={{
        transform: `translateY(${String(props.top)}px)`,
        height: props.height,
        gridTemplateColumns: props.template,
      }}
      tabIndex={isActive ? 0 : -1}
      data-active={isActive}
      aria-rowindex={props.index + 2}
      aria-selected={table.selection?.isSelectable(row) === true ? isSelected === true : undefined}
      aria-expanded={expanded}
      aria-level={table.tree === undefined ? undefined : table.tree.level(row) + 1}
      onFocus={() => {
        props.onActivate(props.rowKey);
      }}
      onClick={() => {
        openRow(table, row);
      }}
    >
      {columns.map((column, position) => (
        <div
          key={column.id}
          role="gridcell"
          className={`${styles['cell'] ?? ''} ${column.align === 'end' ? (styles['end'] ?? '') : ''} ${position === 0 ? (styles['first'] ?? '') : ''}`}
        >
          {position === 0 ? <Lead row={row} table={table} isSelected={isSelected === true} /> : null}
          {column.cell(row)}
        </div>
      ))}
    </div>
  );
}

function rowLook(isSelected: boolean, mayOpen: boolean, isGroup: boolean): string {
  return [
    styles['row'],
    styles['item'],
    mayOpen ? styles['openable'] : '',
    isGroup ? styles['group'] : '',
    isSelected ? styles['selected'] : '',
  ].join(' ');
}

/** What stands before the first cell: the mark of selection, the indent and the fold arrow. Keys do the same on the row. */
function Lead<Row>({
  row,
  table,
  isSelected,
}: {
  readonly row: Row;
  readonly table: DataTableProps<Row>;
  readonly isSelected: boolean;
}) {
  const { tree, selection } = table;
  const expanded = tree?.isExpanded(row);
  const select = (event: MouseEvent): void => {
    event.stopPropagation();
    selectRow(table, row);
  };
  const boxLook = [
    styles['box'],
    isSelected ? styles['checked'] : '',
    selection?.isSelectable(row) === true ? '' : styles['hiddenBox'],
  ].join(' ');
  return (
    <>
      {selection === undefined ? null : (
        <span className={boxLook} aria-hidden="true" onClick={select}>
          {isSelected ? <IconCheck size={12} stroke={3} /> : null}
        </span>
      )}
      {tree === undefined ? null : (
        <span
          aria-hidden="true"
          className={`${styles['chevron'] ?? ''} ${expanded === true ? (styles['open'] ?? '') : ''}`}
          style={{ marginLeft: tree.level(row) * 18 }}
        >
          {expanded === undefined ? null : <IconChevronRight size={15} />}
        </span>
      )}
    </>
  );
}
