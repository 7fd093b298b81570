import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Rectangle } from 'electron';

/** Where the window was, in the system's pixels. */
export interface WindowPlace {
  readonly bounds: Rectangle;
  readonly isMaximized: boolean;
}

/** What the window opens with; without a position the system centres it. */
export interface OpeningPlace {
  readonly width: number;
  readonly height: number;
  readonly x?: number;
  readonly y?: number;
  readonly isMaximized: boolean;
}

/** The smallest window in which every page is usable. */
export const minimumSize = { width: 480, height: 360 } as const;

const usualSize = { width: 1180, height: 800 } as const;
/** So much of the title bar must be on a display for a person to catch the window. */
const reachable = { width: 120, height: 40 } as const;

/** Where to open the window: as it was, unless the display it was on is gone; never larger than the display. PURE. */
export function openingPlace(remembered: WindowPlace | undefined, workAreas: readonly Rectangle[]): OpeningPlace {
  const largest = workAreas.reduce(
    (best, area) => (area.width * area.height > best.width * best.height ? area : best),
    {
      x: 0,
      y: 0,
      width: 0,
      height: 0,
    },
  );
  if (remembered === undefined) return { ...fitted(usualSize, largest), isMaximized: false };
  const { bounds, isMaximized } = remembered;
  const area = workAreas.find((candidate) => isReachable(bounds, candidate));
  if (area === undefined) return { ...fitted(bounds, largest), isMaximized };
  return { ...fitted(bounds, area), x: bounds.x, y: bounds.y, isMaximized };
}

/** Reads what `rememberPlace` wrote; undefined when there is nothing sound, which is never an error. */
export function readPlace(file: string): WindowPlace | undefined {
  try {
    return parsePlace(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

/** Remembers where the window is. Failing is no reason to trouble anybody: the window then opens in its usual place. */
export function rememberPlace(file: string, place: WindowPlace): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.new`, JSON.stringify(place));
    renameSync(`${file}.new`, file);
  } catch {
    // see above
  }
}

/** The place file in the app's own folder. */
export function placeFile(userDataDirectory: string): string {
  return join(userDataDirectory, 'window.json');
}

function parsePlace(value: unknown): WindowPlace | undefined {
  if (!isRecord(value) || !isRecord(value['bounds']) || typeof value['isMaximized'] !== 'boolean') return undefined;
  const { x, y, width, height } = value['bounds'];
  if (!isInteger(x) || !isInteger(y) || !isInteger(width) || !isInteger(height)) return undefined;
  return { bounds: { x, y, width, height }, isMaximized: value['isMaximized'] };
}

function fitted(size: { width: number; height: number }, area: Rectangle): { width: number; height: number } {
  return {
    width: Math.max(minimumSize.width, Math.min(size.width, area.width || size.width)),
    height: Math.max(minimumSize.height, Math.min(size.height, area.height || size.height)),
  };
}

function isReachable(bounds: Rectangle, area: Rectangle): boolean {
  const width = Math.min(bounds.x + bounds.width, area.x + area.width) - Math.max(bounds.x, area.x);
  const isTitleBarInside = bounds.y >= area.y && bounds.y + reachable.height <= area.y + area.height;
  return width >= reachable.width && isTitleBarInside;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value);
}
