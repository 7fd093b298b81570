import type { Mirror, SecretBox } from '../server/app.types.ts';
import type { ElectronParts } from './electron-parts.ts';
import type { TrayFacts } from './tray-facts.ts';

/** Everything the app needs from outside; `main.ts` gives the real things. */
export interface DesktopOptions {
  readonly electron: ElectronParts;
  /** Reads the settings from `args` and makes a mirror that is not started; called again for every try. */
  readonly createMirror: (args: readonly string[], secretBox: SecretBox | undefined) => Promise<Mirror>;
  readonly files: { readonly preload: string; readonly appIcon: string; readonly trayIcons: string };
  readonly environment: {
    readonly platform: NodeJS.Platform;
    readonly argv: readonly string[];
    /** `XDG_CURRENT_DESKTOP`. */
    readonly desktop: string;
  };
  readonly hasTray: () => Promise<boolean>;
  readonly fetchFacts: (adminUrl: string) => Promise<TrayFacts>;
  readonly clock: DesktopClock;
  readonly formatTime: (at: number) => string;
  readonly log: (line: string) => void;
}

/** Time as the app needs it; neither call keeps the process alive. */
export interface DesktopClock {
  /** Milliseconds since the epoch. */
  now(): number;
  every(ms: number, task: () => void): () => void;
  after(ms: number, task: () => void): () => void;
}
