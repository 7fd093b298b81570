import { rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { stringify } from 'yaml';
import { ask } from './ask.ts';
import { auditLines } from './audit-lines.ts';
import type { AuditLine } from './audit-lines.ts';
import { RunningProcess } from './child-process.ts';
import { atTestEnd, tempDirectory } from './cleanup.ts';
import { freePort } from './free-port.ts';
import { peakRssBytes, resetPeakRss, rssBytes } from './memory.ts';
import { auditFile, testSettings } from './test-settings.ts';
import type { MirrorSetup } from './test-settings.ts';

const root = join(import.meta.dirname, '..', '..');

export interface MirrorProcessOptions extends MirrorSetup {
  /** `source` runs server/cli/main.ts, `built` runs dist/server/cli.js; default source. */
  readonly from?: 'source' | 'built';
  /** Further arguments after `serve`. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Default: a new one. */
  readonly dataDirectory?: string;
}

/** The mirror as its own process, for what one process cannot do to itself: kill -9, memory, signals. */
export class MirrorProcess {
  readonly dataDirectory: string;
  readonly url: string;
  readonly adminUrl: string;
  readonly #options: MirrorProcessOptions;
  readonly #settingsFile: string;
  #running: RunningProcess | undefined;

  constructor(
    dataDirectory: string,
    settingsFile: string,
    ports: readonly [number, number],
    options: MirrorProcessOptions,
  ) {
    this.dataDirectory = dataDirectory;
    this.#settingsFile = settingsFile;
    this.#options = options;
    this.url = `${options.settings?.tls === undefined ? 'http' : 'https'}://127.0.0.1:${String(ports[0])}`;
    this.adminUrl = `http://127.0.0.1:${String(ports[1])}`;
  }

  /** `host:port` of the mirror listener. */
  get host(): string {
    return new URL(this.url).host;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** What it printed since it last started. */
  get output(): string {
    return this.#process.output;
  }

  /** Exit code once it ended; undefined after a signal. */
  get exited(): Promise<number | undefined> {
    return this.#process.exited;
  }

  get #process(): RunningProcess {
    if (this.#running === undefined) throw new Error('the mirror process was not started');
    return this.#running;
  }

  /** Starts it, again on the same data and ports when it ran before, and waits until it serves. */
  async start(): Promise<void> {
    const entry = this.#options.from === 'built' ? 'dist/server/cli.js' : 'server/cli/main.ts';
    const args = [
      'serve',
      '--data-dir',
      this.dataDirectory,
      '--settings',
      this.#settingsFile,
      ...(this.#options.args ?? []),
    ];
    const running = new RunningProcess(join(root, 'node_modules', '.bin', 'node'), [join(root, entry), ...args], {
      cwd: this.dataDirectory,
      env: { PATH: process.env.PATH, HOME: this.dataDirectory, ...this.#options.env },
    });
    this.#running = running;
    if (this.url.startsWith('https')) await running.printed(/^Mirror: /m);
    else await this.#answered(running);
  }

  /** Its first 200 on `/v2/`. */
  async #answered(running: RunningProcess): Promise<void> {
    while (running.running) {
      const answer = await ask(`${this.url}/v2/`).catch(() => undefined);
      if (answer?.status === 200) return;
      await wait(20);
    }
    throw new Error(`the mirror process ended before it answered:\n${running.output}`);
  }

  /** Asks it to end (SIGTERM) and waits; gives the exit code. */
  async stop(): Promise<number | undefined> {
    await this.#running?.end('SIGTERM');
    return this.#running?.exited;
  }

  /** Ends it as a crash does; nothing is flushed. */
  async kill9(): Promise<void> {
    await this.#process.end('SIGKILL');
  }

  /** For a mirror started in `beforeAll`: stops it and removes its data and settings. */
  async remove(): Promise<void> {
    await this.stop();
    for (const directory of [this.dataDirectory, dirname(this.#settingsFile)])
      await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  }

  rssBytes(): number {
    return rssBytes(this.pid);
  }

  peakRssBytes(): number {
    return peakRssBytes(this.pid);
  }

  /** Lets the peak start again from what is used now. */
  resetPeakRss(): void {
    resetPeakRss(this.pid);
  }

  /** Audit lines that have every member of `filter`, once there are at least `count`. */
  audit(filter?: AuditLine, count?: number): Promise<readonly AuditLine[]> {
    return auditLines(auditFile(this.dataDirectory, this.#options), filter, count);
  }
}

/** Starts `zhi-mirror serve` as a process on free ports; ended at the end of the test, its output printed when that failed. */
export async function startMirrorProcess(options: MirrorProcessOptions = {}): Promise<MirrorProcess> {
  const dataDirectory = options.dataDirectory ?? (await tempDirectory());
  const ports = [await freePort(), await freePort()] as const;
  // written beside the data: what is inside the data directory belongs to the mirror
  const settingsFile = join(await tempDirectory('zhi-mirror-settings'), 'settings.yaml');
  const [listen, adminListen] = ports.map((port) => `127.0.0.1:${String(port)}`);
  await writeFile(settingsFile, stringify({ ...testSettings(dataDirectory, options), listen, adminListen }));
  const mirror = new MirrorProcess(dataDirectory, settingsFile, ports, options);
  atTestEnd(async (failed) => {
    if (failed) process.stderr.write(`--- output of the mirror process\n${mirror.output.slice(-20_000)}\n`);
    await mirror.stop();
  });
  await mirror.start();
  return mirror;
}
