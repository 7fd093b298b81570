/** `path` of an Electron binary that can run here (fetched if need be), or `reason` in words for a person. */
export function findElectron(): Promise<{ readonly path?: string; readonly reason?: string }>;

/** Path of the binary if it is there already. */
export function installedElectron(): string | undefined;

/** Why a window cannot be opened on this machine whatever is installed, or undefined. */
export function platformObstacle(): string | undefined;
