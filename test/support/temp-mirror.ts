import { createMirror } from '../../server/app.ts';
import type { Mirror } from '../../server/app.types.ts';
import { settings as settingsSchema } from '../../server/config/schema.ts';
import type { Clock } from '../../server/lib/clock.ts';
import { ask } from './ask.ts';
import type { AskOptions, Seen } from './ask.ts';
import { auditLines } from './audit-lines.ts';
import type { AuditLine } from './audit-lines.ts';
import { atTestEnd, tempDirectory } from './cleanup.ts';
import { FakeClock } from './fake-clock.ts';
import { fileTree } from './file-tree.ts';
import { pullGraph } from './pull-graph.ts';
import type { PulledGraph, PullOptions } from './pull-graph.ts';
import { auditFile, testSettings } from './test-settings.ts';
import type { MirrorSetup } from './test-settings.ts';

export interface TempMirrorOptions extends MirrorSetup {
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** Default: a new one. */
  readonly dataDirectory?: string;
  readonly rendererDirectory?: string;
  /** Settings that a flag or the settings file gives, so that the window can't change them. */
  readonly givenSettings?: ReadonlySet<string>;
}

/** A whole mirror in this process. Made by {@link startTempMirror}. */
export class TempMirror {
  readonly dataDirectory: string;
  /** Lines of the mirror's own log, over all restarts. */
  readonly log: string[] = [];
  readonly #options: TempMirrorOptions;
  #mirror: Mirror | undefined;
  #listen: { readonly listen: string; readonly adminListen: string } | undefined;

  constructor(dataDirectory: string, options: TempMirrorOptions) {
    this.dataDirectory = dataDirectory;
    this.#options = options;
  }

  /** The running product itself. */
  get app(): Mirror {
    if (this.#mirror === undefined) throw new Error('the mirror is stopped');
    return this.#mirror;
  }

  /** Base URL of the mirror listener, without a slash at the end; stays the same over restarts. */
  get url(): string {
    return this.app.mirrorUrl.replace(/\/$/, '');
  }

  /** `host:port` of the mirror listener. */
  get host(): string {
    return new URL(this.url).host;
  }

  /** Base URL of the admin listener, without a slash at the end. */
  get adminUrl(): string {
    return this.app.adminUrl.replace(/\/$/, '');
  }

  async start(): Promise<void> {
    const { clock, rendererDirectory, givenSettings } = this.#options;
    const input = { ...testSettings(this.dataDirectory, this.#options), ...this.#listen };
    const mirror = createMirror({
      settings: settingsSchema.parse(input),
      version: '0.0.0-test',
      log: (line) => this.log.push(line),
      ...(clock === undefined ? {} : { clock }),
      ...(rendererDirectory === undefined ? {} : { rendererDirectory }),
      ...(givenSettings === undefined ? {} : { givenSettings }),
    });
    await mirror.start();
    this.#mirror = mirror;
    this.#listen = { listen: this.host, adminListen: new URL(mirror.adminUrl).host };
  }

  async stop(): Promise<void> {
    const mirror = this.#mirror;
    this.#mirror = undefined;
    await mirror?.stop(1000);
  }

  /** Stops in good order and starts again on the same data and ports. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** One request to the mirror listener on its own connection; a broken body is told, not thrown. */
  get(path: string, headers: Readonly<Record<string, string>> = {}, options: AskOptions = {}): Promise<Seen> {
    return ask(`${this.url}${path}`, { ...options, headers: { ...headers } });
  }

  /** The same with HEAD. */
  head(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Seen> {
    return this.get(path, headers, { method: 'HEAD' });
  }

  /** Pulls `repository:tag` or `repository@digest` with all below it, every byte checked. @throws PullError */
  pull(name: string, options?: PullOptions): Promise<PulledGraph> {
    return pullGraph(this.url, name, options);
  }

  /** Audit lines that have every member of `filter`, once there are at least `count`. A fake clock is moved on by 100 ms for it. */
  async audit(filter?: AuditLine, count?: number): Promise<readonly AuditLine[]> {
    if (this.#options.clock instanceof FakeClock) await this.#options.clock.advance(100);
    return auditLines(auditFile(this.dataDirectory, this.#options), filter, count);
  }

  /** What a person needs who looks at a failed test. */
  async report(): Promise<string> {
    return `--- log of the mirror (last 200 lines)\n${this.log.slice(-200).join('\n')}\n--- ${this.dataDirectory}\n${await fileTree(this.dataDirectory)}\n`;
  }
}

/**
 * Starts the whole mirror on free ports of loopback over a data directory of its own. At the end of the test it is
 * stopped and removed; when the test failed, its log and its files are printed first. In `beforeAll` the caller stops it.
 */
export async function startTempMirror(options: TempMirrorOptions = {}): Promise<TempMirror> {
  const mirror = new TempMirror(options.dataDirectory ?? (await tempDirectory()), options);
  atTestEnd(async (failed) => {
    if (failed) process.stderr.write(await mirror.report());
    await mirror.stop();
  });
  await mirror.start();
  return mirror;
}
