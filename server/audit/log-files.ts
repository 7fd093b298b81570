import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { readSeal } from './chain.ts';
import { firstLine, openSource } from './log-source.ts';

/**
 * The files of one log, in the order of their names:
 *
 *     audit-20260130-000000000001.jsonl     rotated: day and number of its first line
 *     audit-20260131-000000048211.jsonl
 *     audit.jsonl                           the one being written
 */
export interface LogFile {
  readonly path: string;
  /** Number of its first line; 0 when that has none. */
  readonly firstSeq: number;
}

const seqDigits = 12;

/** Where a file goes when it is full; a name that nobody has. @param at time of its first line, milliseconds since the epoch */
export function rotatedPath(path: string, firstSeq: number, at: number): string {
  const extension = extname(path);
  const day = new Date(at).toISOString().slice(0, 10).replaceAll('-', '');
  const stem = `${path.slice(0, path.length - extension.length)}-${day}-${String(firstSeq).padStart(seqDigits, '0')}`;
  for (let copy = 1; ; copy += 1) {
    const name = copy === 1 ? `${stem}${extension}` : `${stem}.${String(copy)}${extension}`;
    if (!existsSync(name)) return name;
  }
}

/** The files this program rotated, oldest first. */
export function rotatedFiles(path: string): LogFile[] {
  const pattern = rotatedPattern(path);
  return entriesBeside(path)
    .flatMap((name) => {
      const firstSeq = pattern.exec(name)?.[1];
      return firstSeq === undefined ? [] : [{ path: join(dirname(path), name), firstSeq: Number(firstSeq) }];
    })
    .sort((a, b) => a.firstSeq - b.firstSeq || (a.path < b.path ? -1 : 1));
}

/** All files of the log that can be read, oldest first: rotated by this program or by another, and the one being written. */
export function logFiles(path: string): LogFile[] {
  const name = basename(path);
  const others = entriesBeside(path)
    .filter((entry) => entry.startsWith(`${name}.`) || entry.startsWith(`${name}-`))
    .filter((entry) => !entry.includes('.torn-') && !/\.(?:gz|xz|zst|bz2)$/.test(entry))
    .map((entry) => withFirstSeq(join(dirname(path), entry)))
    .sort((a, b) => a.firstSeq - b.firstSeq || a.changedAt - b.changedAt);
  const current = statSync(path, { throwIfNoEntry: false })?.isFile() === true ? [withFirstSeq(path)] : [];
  const rotated = rotatedFiles(path).map((file) => ({ ...file, changedAt: 0 }));
  return [...others, ...rotated, ...current]
    .sort((a, b) => orderOf(a, path) - orderOf(b, path))
    .map(({ path: file, firstSeq }) => ({ path: file, firstSeq }));
}

/** Sorting is stable: files without a number stay before those with one, the current file without one stays last. */
function orderOf(file: LogFile, path: string): number {
  return file.path === path && file.firstSeq === 0 ? Number.POSITIVE_INFINITY : file.firstSeq;
}

function withFirstSeq(path: string): LogFile & { readonly changedAt: number } {
  const source = openSource(path);
  try {
    const line = firstLine(source);
    const seq = line === undefined ? undefined : readSeal(line)?.seq;
    return { path, firstSeq: seq ?? 0, changedAt: statSync(path).mtimeMs };
  } finally {
    source.close();
  }
}

function rotatedPattern(path: string): RegExp {
  const extension = extname(path);
  const stem = basename(path, extension);
  const literal = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${literal(stem)}-\\d{8}-(\\d{${String(seqDigits)},})(?:\\.\\d+)?${literal(extension)}$`);
}

function entriesBeside(path: string): string[] {
  if (!existsSync(dirname(path))) return [];
  return readdirSync(dirname(path), { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);
}
