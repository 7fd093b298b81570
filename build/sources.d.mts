/** A part of `dist/`. */
export type TargetName = 'server' | 'renderer';

/** Names of the parts, in no order. */
export const targetNames: readonly TargetName[];

/** Parts of `dist/` that are missing or were made from other sources than the present ones. */
export function staleTargets(): TargetName[];

/** A digest of the names and bytes of everything the part is made from. */
export function sourceStamp(name: TargetName): string;

/** Remembers that the part was made from sources with this stamp. */
export function writeStamp(name: TargetName, stamp: string): void;
