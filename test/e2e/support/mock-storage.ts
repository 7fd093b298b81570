import type { RouteBody, RouteResponse } from '../../../server/api/contract.ts';
import { parseSize } from '../../../server/config/quantities.ts';
import { MockProblem } from './mock-problem.ts';
import { digestOf } from './fixtures.ts';

const mib = 2 ** 20;
const gib = 2 ** 30;
const day = 86_400_000;

interface Mock {
  readonly now: number;
  readonly scenario: string;
}

type View = RouteResponse<'getStorage'>;
type Row = RouteResponse<'listEvictions'>['rows'][number];

const changed = new WeakMap<object, View>();

/** What the Storage page asks for of a store with 40 GiB in it and, when it is busy, a cap of 50 GiB. */
export const storageAnswers = {
  getStorage: (state: Mock): View => viewOf(state),

  setStorage: (state: Mock, _query: unknown, body: RouteBody<'setStorage'>): View => {
    const before = viewOf(state);
    const { storageCap = before.settings.storageCap, freeSpaceFloor = before.settings.freeSpaceFloor } = body;
    const settings = { ...before.settings, storageCap, freeSpaceFloor };
    const capBytes = sizeOf(storageCap);
    const gone = evictedBy(state, capBytes).reduce((sum, row) => sum + row.bytes, 0);
    const view: View = {
      ...before,
      settings,
      capBytes,
      floorBytes: sizeOf(freeSpaceFloor),
      usedBytes: before.usedBytes - gone,
      contentBytes: before.contentBytes - gone,
      cachedBytes: before.cachedBytes - gone,
    };
    changed.set(state, view);
    return view;
  },

  listEvictions: (
    state: Mock,
    query: { readonly cap?: number | undefined; readonly floor?: number | undefined; readonly limit: number },
  ): RouteResponse<'listEvictions'> => {
    if (state.scenario === 'failing')
      throw new MockProblem(500, 'STORAGE_FAILED', 'The database could not be read: disk I/O error.');
    const { capBytes, usedBytes } = viewOf(state);
    const isNext = query.cap === undefined && query.floor === undefined;
    const rows = isNext ? rowsOf(state) : evictedBy(state, query.cap ?? capBytes);
    const bytes = rows.reduce((sum, row) => sum + row.bytes, 0);
    const short = isNext || query.cap === undefined || query.cap === 0 ? 0 : usedBytes - bytes - query.cap;
    return {
      rows: rows.slice(0, query.limit),
      total: rows.length,
      bytes,
      more: isNext && rows.length > query.limit,
      shortBytes: Math.max(0, short),
    };
  },
};

function viewOf(state: Mock): View {
  const kept = changed.get(state);
  if (kept !== undefined) return kept;
  const isEmpty = state.scenario === 'empty';
  const contentBytes = isEmpty ? 0 : 41_200 * mib;
  const pushedBytes = isEmpty ? 0 : 6_300 * mib;
  return {
    contentBytes,
    cachedBytes: contentBytes - pushedBytes,
    pushedBytes,
    keptBytes: isEmpty ? 0 : 2_150 * mib,
    pinnedBytes: isEmpty ? 0 : 1_980 * mib,
    incomingBytes: isEmpty ? 0 : 310 * mib,
    usedBytes: isEmpty ? 0 : 41_510 * mib,
    evictedBytes: isEmpty ? 0 : 12_800 * mib,
    evictedImages: isEmpty ? 0 : 87,
    capBytes: isEmpty ? 0 : 50 * gib,
    floorBytes: 512 * mib,
    freeBytes: 61_440 * mib,
    totalBytes: 238_000 * mib,
    settings: {
      storageCap: isEmpty ? '0 B' : '50 GiB',
      freeSpaceFloor: '512 MiB',
      historyKeepFor: '30d',
      gcEvery: '1d',
      gcDelay: '1h',
      scrubEvery: '30d',
      scrubRate: '20 MiB',
    },
    locked: state.scenario === 'locked' ? ['storageCap', 'freeSpaceFloor'] : [],
    housekeeping: {},
  };
}

function rowsOf(state: Mock): Row[] {
  if (state.scenario === 'empty') return [];
  const count = state.scenario === 'many' ? 4000 : 24;
  return Array.from({ length: count }, (_, index): Row => {
    const repository =
      ['docker.io/library/postgres', 'quay.io/prometheus/node-exporter', 'ghcr.io/acme/web'][index % 3] ?? '';
    const digest = digestOf(`evictable ${String(index)}`);
    const firstSeenAt = state.now - (90 - (index % 60)) * day;
    return {
      repository,
      references:
        index % 4 === 3
          ? [digest]
          : index % 5 === 0
            ? [`1.${String(index)}`, `1.${String(index)}-alpine`]
            : [`1.${String(index)}`],
      digest,
      firstSeenAt,
      ...(index % 3 === 1 ? {} : { lastPulledAt: firstSeenAt + day }),
      bytes: ((index * 37) % 11) * 48 * mib,
    };
  });
}

function evictedBy(state: Mock, capBytes: number): Row[] {
  let excess = capBytes === 0 ? 0 : viewOf(state).usedBytes - capBytes;
  return rowsOf(state).filter((row) => {
    if (excess <= 0) return false;
    excess -= row.bytes;
    return true;
  });
}

function sizeOf(text: string): number {
  const bytes = parseSize(text);
  if (bytes === undefined)
    throw new MockProblem(400, 'CONFIG_INVALID', `storageCap: "${text}" is not a size such as "500 MB" or "5 GiB".`);
  return bytes;
}
