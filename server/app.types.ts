import type { Status } from './api/contract.ts';
import type { Clock } from './lib/clock.ts';
import type { Settings } from './config/schema.ts';
import type { SecretBox } from './upstream/secret-box.ts';

/** For the desktop shell, which sees nothing of the server but this file. */
export type { SecretBox } from './upstream/secret-box.ts';

/** What `createMirror` is given: settings already read and checked, and the process's own streams and clock. */
export interface MirrorConfig {
  readonly settings: Settings;
  /** The environment's HTTP proxies, for upstreams without one of their own; default: none. */
  readonly proxyEnvironment?: { readonly httpProxy: string; readonly httpsProxy: string; readonly noProxy: string };
  /** Whether a flag or the settings file names the default upstream; then the window's choice does not count. */
  readonly isDefaultUpstreamGiven?: boolean;
  /** Top-level settings that a flag or the settings file gives; the window's choice does not count for these. Default: none. */
  readonly givenSettings?: ReadonlySet<string>;
  /** Folder of the renderer's built files; absent in tests that do not open the window. */
  readonly rendererDirectory?: string;
  /** Encrypts secrets at rest; without it a key file in the data directory is used. */
  readonly secretBox?: SecretBox;
  readonly clock?: Clock;
  /** Called once, when nobody is connected for the first time after the start. */
  readonly onQuiet?: () => void;
  readonly version: string;
  /** Own log lines; default: standard error. */
  readonly log?: (line: string) => void;
}

/** The product, in one process: the same object under Electron and under plain Node. */
export interface Mirror {
  /** Opens the database and both listeners. @throws ConfigError (PORT_IN_USE, DATA_DIRECTORY_IN_USE, DATA_DIRECTORY_NEWER, …) */
  start(): Promise<void>;
  /** Stops both listeners, finishes or parks transfers, flushes audit and marks; at most `graceMs`. */
  stop(graceMs?: number): Promise<void>;
  /** Opens or closes the mirror listener alone; the window stays. */
  setServing(serving: boolean): Promise<void>;
  setOffline(offline: boolean): Promise<void>;
  status(): Status;
  /** Calls `listener` when status changed, at most every 250 ms; returns the way to stop. */
  onStatus(listener: (status: Status) => void): () => void;
  /** Address of the window, e.g. `http://127.0.0.1:5051/`. Valid after start. */
  readonly adminUrl: string;
  /** Base URL of the mirror listener on this machine, e.g. `http://127.0.0.1:5050`. Valid after start. */
  readonly mirrorUrl: string;
}

/** One call of the admin API, as a command makes it. */
export interface AdminRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With its query. */
  readonly path: string;
  /** JSON. */
  readonly body: string | undefined;
}

export interface AdminAnswer {
  readonly status: number;
  readonly body: string;
}

/** Where a command finds the admin API: at the address of a running mirror, or inside this process. */
export type AdminSession =
  | { readonly url: string; readonly send?: undefined }
  | {
      readonly url?: undefined;
      readonly send: (call: AdminRequest) => Promise<AdminAnswer>;
      /** Gives the data directory back. */
      readonly close: () => Promise<void>;
    };
