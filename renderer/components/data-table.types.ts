import type { ReactNode } from 'react';

export interface Column<Row> {
  readonly id: string;
  readonly header: string;
  /** Grid track: `120px`, `minmax(200px, 1fr)`. */
  readonly track: string;
  readonly align?: 'end';
  /** Left out while the table is narrower than this many pixels; the row's detail shows the value then. */
  readonly fromWidth?: number;
  readonly cell: (row: Row) => ReactNode;
}

export interface TreeShape<Row> {
  /** Depth, 0 for the top. */
  readonly level: (row: Row) => number;
  /** Whether the row is unfolded; undefined for a leaf. */
  readonly isExpanded: (row: Row) => boolean | undefined;
  readonly toggle: (row: Row) => void;
}

export interface SelectionShape<Row> {
  readonly keys: ReadonlySet<string>;
  readonly isSelectable: (row: Row) => boolean;
  readonly onChange: (keys: ReadonlySet<string>) => void;
}

export interface DataTableProps<Row> {
  /** Name of the table for screen readers. */
  readonly label: string;
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  readonly rowKey: (row: Row) => string;
  readonly rowHeight?: number;
  /** CSS length the table grows to before it scrolls. */
  readonly maxHeight: string;
  readonly onOpen?: (row: Row) => void;
  /** Whether Enter and click open this row; default: every row. */
  readonly isOpenable?: (row: Row) => boolean;
  readonly tree?: TreeShape<Row>;
  readonly selection?: SelectionShape<Row>;
  /** Set apart rows of groups. */
  readonly isGroup?: (row: Row) => boolean;
}
