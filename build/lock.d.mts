/** Runs `work` while no other process runs one under the same lock file; a lock whose owner is gone is taken over. */
export function withLock<T>(file: string, work: () => T | Promise<T>): Promise<T>;
