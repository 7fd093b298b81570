import type { Server } from 'node:http';
import { fastify } from 'fastify';
import type { FastifyInstance } from 'fastify';
import { registerFrontPage } from './api/front-page.ts';
import { registerHealth } from './api/health.ts';
import { createAdminApi } from './api/serve.ts';
import type { AdminParts, MirrorControl } from './api/parts.ts';
import type { Status } from './api/contract.ts';
import type { AdminSession, Mirror, MirrorConfig } from './app.types.ts';
import { sessionInside } from './app-session.ts';
import { startHousekeeping, stopHousekeeping } from './app-housekeeping.ts';
import { buildParts } from './app-parts.ts';
import type { MirrorParts } from './app-parts.ts';
import { parseAddress } from './config/address.ts';
import type { ListenAddress } from './config/address.ts';
import { ConfigError } from './errors.ts';
import { closeDoor, createDoor, openDoor, refuseTakenPort } from './http/listener.ts';
import { registryHandler } from './registry/door.ts';
import { whenQuiet } from './http/when-quiet.ts';
import { coalesce } from './lib/coalesce.ts';
import { diskSpace } from './lib/files.ts';
import { layoutOf } from './storage/layout.ts';
import { runningAdminUrl } from './storage/maintenance.ts';
import { describeStatus } from './mirror-status.ts';
import type { DiskFigures } from './mirror-status.ts';
import { rehearse } from './rehearsal.ts';
import { readServerTls } from './tls/server-certificate.ts';

/** What a person changes when an address can't be used. */
const flags = { listen: '--listen', adminListen: '--admin-listen' } as const;
const statusEveryMs = 250;
const diskEveryMs = 5000;
const policyEveryMs = 2000;
const marksEveryMs = 1000;
const uploadsEveryMs = 60_000;

/** Builds the product; nothing is opened before `start`. */
export function createMirror(config: MirrorConfig): Mirror {
  return new EmbeddedMirror(config);
}

/**
 * The admin API of a data directory for one command: of the mirror that has it open, else of this process, which then
 * has it open and no door.
 * @throws ConfigError (DATA_DIRECTORY_IN_USE while a mirror is starting, DATA_DIRECTORY_NEWER, CONFIG_INVALID), StorageError
 */
export async function openAdmin(config: MirrorConfig): Promise<AdminSession> {
  const { dataDirectory, storageDirectory } = config.settings;
  const url = runningAdminUrl(layoutOf(dataDirectory, storageDirectory));
  return url === undefined ? new EmbeddedMirror(config).openDoorless() : { url };
}

/** The composition root: builds every object once and owns both doors. */
class EmbeddedMirror implements Mirror, MirrorControl {
  readonly #config: MirrorConfig;
  readonly #statusListeners = new Set<(status: Status) => void>();
  readonly #cacheListeners = new Set<(repositories: readonly string[]) => void>();
  readonly #changedRepositories = new Set<string>();
  readonly #tellStatus = coalesce(statusEveryMs, () => {
    this.#sendStatus();
  });
  readonly #tellCache = coalesce(statusEveryMs, () => {
    this.#sendCacheChanges();
  });
  readonly #measureSoon = coalesce(statusEveryMs, () => {
    if (this.#running !== undefined) void this.#measureDisk(this.#running.parts);
  });
  readonly #stops: (() => void)[] = [];
  #running: Running | undefined;
  #door: Server | undefined;
  #port = 0;
  #listenError: string | undefined;
  #startedAt = 0;
  #unreadable: readonly string[] = [];
  #disk: DiskFigures = { contentBytes: 0, freeBytes: 0, totalBytes: 0 };

  constructor(config: MirrorConfig) {
    this.#config = config;
  }

  get adminUrl(): string {
    return `http://${hostOf(this.#address('adminListen').host)}:${String(this.#started().adminPort)}/`;
  }

  get mirrorUrl(): string {
    const scheme = this.#config.settings.tls.cert === '' ? 'http' : 'https';
    return `${scheme}://${hostOf(this.#address('listen').host)}:${String(this.#port)}`;
  }

  async start(): Promise<void> {
    // everything that can be wrong with the settings is found before anything is opened
    const tls = readServerTls(this.#config.settings.tls);
    for (const setting of ['listen', 'adminListen'] as const)
      await refuseTakenPort(this.#address(setting), flags[setting]);
    const running = await this.#build(tls);
    const { parts } = running;
    try {
      const problem = await rehearse(this.#config, parts);
      if (problem !== undefined) parts.log.warn('a rehearsed pull does not work here', { problem });
      await this.#openDoors(running);
      parts.lock.tell(this.adminUrl);
    } catch (error) {
      await this.#release(parts);
      throw error;
    }
    this.#startRoutine(parts);
    this.#writeLifecycle('mirror_start');
  }

  /** For {@link openAdmin}: everything but the doors and what runs by itself. */
  async openDoorless(): Promise<AdminSession> {
    const { parts, admin, pages } = await this.#build(undefined);
    return sessionInside(admin, async () => {
      await Promise.all([admin.close(), pages.close(), parts.blobCache.stop(10_000)]);
      await parts.uploads.stop();
      await this.#release(parts);
    });
  }

  async stop(graceMs = 10_000): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    this.#writeLifecycle('mirror_stop');
    for (const stop of this.#stops.splice(0)) stop();
    this.#tellStatus.cancel();
    this.#tellCache.cancel();
    this.#measureSoon.cancel();
    await Promise.all([this.#closeMirrorDoor(graceMs), running.parts.blobCache.stop(graceMs)]);
    await running.parts.uploads.stop();
    running.admin.server.closeAllConnections();
    await running.admin.close();
    await running.pages.close();
    await this.#release(running.parts);
  }

  async setServing(serving: boolean): Promise<void> {
    if (serving === (this.#door !== undefined)) return;
    if (serving) await this.#openMirrorDoor(this.#started());
    else await this.#closeMirrorDoor(5000);
    this.#tellStatus();
  }

  setOffline(offline: boolean): Promise<void> {
    this.#started().parts.upstreams.setOffline(offline);
    return Promise.resolve();
  }

  status(): Status {
    const { parts } = this.#started();
    const door = {
      listening: this.#door !== undefined,
      listenError: this.#listenError,
      port: this.#port,
      startedAt: this.#startedAt,
      unreadableAccounts: this.#unreadable,
    };
    return describeStatus(this.#config, parts, door, this.#disk);
  }

  onStatus(listener: (status: Status) => void): () => void {
    this.#statusListeners.add(listener);
    return () => this.#statusListeners.delete(listener);
  }

  onCacheChange(listener: (repositories: readonly string[]) => void): () => void {
    this.#cacheListeners.add(listener);
    return () => this.#cacheListeners.delete(listener);
  }

  contentChanged(repository: string): void {
    this.#running?.parts.hot.forgetRepository(repository);
    this.#changedRepositories.add(repository);
    this.#tellCache();
    this.#measureSoon();
  }

  async #build(tls: ReturnType<typeof readServerTls>): Promise<Running> {
    const parts = await buildParts(this.#config, {
      contentChanged: (repository) => {
        this.contentChanged(repository);
      },
      upstreamsChanged: () => {
        this.#upstreamsChanged();
      },
      policyChanged: () => {
        this.#tellStatus();
      },
      warned: () => {
        this.#tellStatus();
      },
    });
    try {
      const adminParts = this.#adminParts(parts);
      const admin = createAdminApi(adminParts);
      const pages = fastify({ logger: false });
      registerHealth(pages, adminParts);
      registerFrontPage(pages, adminParts);
      await Promise.all([admin.ready(), pages.ready()]);
      const running: Running = { parts, tls: tls?.options, admin, pages, adminPort: 0 };
      this.#running = running;
      this.#startedAt = parts.clock.now();
      this.#unreadable = parts.upstreams.unreadableAccounts();
      await parts.uploads.start();
      await parts.room.start();
      return running;
    } catch (error) {
      await this.#release(parts);
      throw error;
    }
  }

  #upstreamsChanged(): void {
    const parts = this.#running?.parts;
    if (parts === undefined) return;
    this.#unreadable = parts.upstreams.unreadableAccounts();
    parts.hot.clear();
    parts.manifestCache.forgetAbsences();
    parts.blobCache.forgetAbsences();
    parts.refreshFastPath();
    this.#tellStatus();
  }

  #adminParts(parts: MirrorParts): AdminParts {
    const { rendererDirectory, settings, version } = this.#config;
    return { ...parts, settings, version, control: this, rendererDirectory };
  }

  async #openDoors(running: Running): Promise<void> {
    await this.#openMirrorDoor(running);
    try {
      const address = this.#address('adminListen');
      running.adminPort = await openDoor(running.admin.server, { address, tls: undefined, flag: flags.adminListen });
    } catch (error) {
      await this.#closeMirrorDoor(0);
      throw error;
    }
  }

  async #openMirrorDoor(running: Running): Promise<void> {
    const handler = registryHandler(running.parts, {
      trustedProxies: this.#config.settings.trustedProxies,
      otherwise: (request, response) => {
        running.pages.routing(request, response);
      },
    });
    const door = createDoor(handler, running.tls);
    const asked = this.#address('listen');
    // once a free port was chosen, clients know it: serving again must not move
    const address = asked.port === 0 && this.#port !== 0 ? { ...asked, port: this.#port } : asked;
    try {
      this.#port = await openDoor(door, { address, tls: running.tls, flag: flags.listen });
      this.#door = door;
      this.#listenError = undefined;
    } catch (error) {
      this.#listenError = error instanceof Error ? error.message : String(error);
      throw error;
    }
  }

  async #closeMirrorDoor(graceMs: number): Promise<void> {
    const door = this.#door;
    this.#door = undefined;
    if (door !== undefined) await closeDoor(door, graceMs);
  }

  #startRoutine(parts: MirrorParts): void {
    const { clock } = parts;
    this.#stops.push(
      clock.every(marksEveryMs, () => {
        this.#quietly('writing last-pulled marks', () => {
          parts.marks.flush();
        });
      }),
      clock.every(uploadsEveryMs, () => {
        void this.#tidyUploads(parts);
      }),
      clock.every(diskEveryMs, () => {
        void this.#measureDisk(parts);
      }),
      clock.every(policyEveryMs, () => {
        parts.policy.reload();
      }),
    );
    const { onQuiet } = this.#config;
    if (this.#door !== undefined && onQuiet !== undefined) this.#stops.push(whenQuiet(this.#door, clock, onQuiet));
    void this.#measureDisk(parts);
    void this.#restoreClients(parts);
    startHousekeeping(parts.housekeeping);
    parts.proof.forwarders.start();
    this.#stops.push(() => void stopHousekeeping(parts.housekeeping));
  }

  /** The clients of the last day come from the audit, beside the first requests. */
  async #restoreClients(parts: MirrorParts): Promise<void> {
    try {
      const clients = await parts.audit.clients(parts.clock.now() - 24 * 3_600_000);
      if (this.#running?.parts === parts) parts.activity.restoreClients(clients);
    } catch (error) {
      parts.log.warn('the clients of the last day could not be read', { error });
    }
  }

  async #tidyUploads(parts: MirrorParts): Promise<void> {
    try {
      await parts.uploads.tidy();
    } catch (error) {
      parts.log.warn('old uploads could not be removed; it is tried again', { error });
    }
  }

  #quietly(what: string, task: () => void): void {
    try {
      task();
    } catch (error) {
      this.#running?.parts.log.warn(`${what} failed; it is tried again`, { error });
    }
  }

  async #measureDisk(parts: MirrorParts): Promise<void> {
    try {
      const space = await diskSpace(parts.layout.storage);
      if (this.#running?.parts !== parts) return;
      this.#disk = { ...space, contentBytes: parts.blobs.totalBytes() };
      this.#tellStatus();
    } catch (error) {
      parts.log.warn('the free space could not be read', { error });
    }
  }

  #sendStatus(): void {
    if (this.#running === undefined || this.#statusListeners.size === 0) return;
    const status = this.status();
    for (const listener of this.#statusListeners) listener(status);
  }

  #sendCacheChanges(): void {
    const names = [...this.#changedRepositories];
    this.#changedRepositories.clear();
    for (const listener of this.#cacheListeners) listener(names);
  }

  #writeLifecycle(event: 'mirror_start' | 'mirror_stop'): void {
    const { parts } = this.#started();
    parts.audit.record({
      event,
      at: parts.clock.now(),
      artifact: this.mirrorUrl,
      clientIp: '',
      cached: false,
      outcome: 'ok',
      requestId: '',
      detail: `version ${this.#config.version}`,
    });
  }

  async #release(parts: MirrorParts): Promise<void> {
    this.#running = undefined;
    await stopHousekeeping(parts.housekeeping);
    await parts.upstreams.close();
    this.#quietly('writing last-pulled marks', () => {
      parts.marks.flush();
    });
    parts.activity.close();
    parts.quotaHistory.close();
    await parts.audit.close();
    // after the log, so that its last lines may still go out
    await parts.proof.forwarders.close();
    await parts.hashes.close();
    parts.db.close();
    parts.lock.release();
  }

  #started(): Running {
    if (this.#running === undefined) throw new Error('the mirror is not started');
    return this.#running;
  }

  #address(setting: 'listen' | 'adminListen'): ListenAddress {
    const text = this.#config.settings[setting];
    const address = parseAddress(text);
    if (address === undefined)
      throw new ConfigError([`${setting} "${text}" is not an address such as ":5050" or "127.0.0.1:5051".`], {
        value: text,
      });
    return address;
  }
}

interface Running {
  readonly parts: MirrorParts;
  readonly tls: Parameters<typeof createDoor>[1];
  readonly admin: FastifyInstance;
  readonly pages: FastifyInstance;
  adminPort: number;
}

function hostOf(host: string): string {
  if (host === '' || host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}
