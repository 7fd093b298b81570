import type { RequestRow } from '../../../server/api/contract.ts';

export interface RequestFilter {
  readonly text: string;
  readonly outcome: RequestRow['outcome'] | '';
}

/** Rows that contain every word of the filter somewhere and have its outcome. PURE. */
export function filterRequests(rows: readonly RequestRow[], filter: RequestFilter): readonly RequestRow[] {
  const words = filter.text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  return rows.filter((row) => {
    if (filter.outcome !== '' && row.outcome !== filter.outcome) return false;
    const searched = [
      row.artifact,
      row.digest,
      row.clientIp,
      row.user,
      row.userAgent,
      row.upstream,
      row.code,
      row.method,
      row.id,
    ];
    const text = searched
      .filter((part) => part !== undefined)
      .join(' ')
      .toLowerCase();
    return words.every((word) => text.includes(word));
  });
}
