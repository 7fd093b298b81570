/** Builds what is stale. Ends the process with a sentence when the build fails. */
export function ensureBuilt(): void;
