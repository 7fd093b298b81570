import { z } from 'zod';

const durationUnits: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const sizeUnits: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** Reads `"90s"`, `"1h30m"` or `"24h"` as milliseconds; undefined when it is not a duration. */
export function parseDuration(text: string): number | undefined {
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/.test(text.trim())) return undefined;
  let total = 0;
  for (const [, amount = '', unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g))
    total += Number(amount) * (durationUnits[unit] ?? 0);
  return Math.round(total);
}

/** Reads `"5 GiB"` or `"700MB"` as bytes; undefined when it is not a size. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(B|[KMGT]i?B)$/.exec(text.trim());
  const unit = sizeUnits[match?.[2] ?? ''];
  return match === null || unit === undefined ? undefined : Math.round(Number(match[1]) * unit);
}

/** A duration as a person writes it, in milliseconds afterwards. */
export const duration = z.string().transform((text, context) => {
  const parsed = parseDuration(text);
  if (parsed === undefined)
    context.addIssue({ code: 'custom', message: `"${text}" is not a duration such as "30s", "5m" or "24h"` });
  return parsed ?? z.NEVER;
});

/** A size as a person writes it, in bytes afterwards. */
export const size = z.string().transform((text, context) => {
  const parsed = parseSize(text);
  if (parsed === undefined)
    context.addIssue({ code: 'custom', message: `"${text}" is not a size such as "500 MB" or "5 GiB"` });
  return parsed ?? z.NEVER;
});

/** Milliseconds as a person writes them; `parseDuration` reads it back. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    const unitMs = durationUnits[unit] ?? 1;
    if (ms % unitMs === 0) return `${String(ms / unitMs)}${unit}`;
  }
  return `${String(ms)}ms`;
}

/** Bytes as a person writes them, exact; `parseSize` reads it back. */
export function formatSize(bytes: number): string {
  for (const unit of ['TiB', 'GiB', 'MiB', 'KiB'] as const) {
    const unitBytes = sizeUnits[unit] ?? 1;
    if (bytes > 0 && bytes % unitBytes === 0) return `${String(bytes / unitBytes)} ${unit}`;
  }
  return `${String(bytes)} B`;
}
