import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SecretBox } from '../../../server/app.types.ts';
import { DesktopApp } from '../../../electron/desktop-app.ts';
import { noFacts } from '../../../electron/tray-facts.ts';
import { fakeElectron } from './electron-double.ts';
import type { FakeElectron, FakeTray } from './electron-double.ts';
import { FakeMirror } from './mirror-double.ts';
import type { FakeWindow } from './window-double.ts';

/** The whole app over doubles of Electron and of the mirror: one machine with a person at it. */
export class Desk {
  readonly #userData = mkdtempSync(join(tmpdir(), 'desktop-'));
  electron: FakeElectron = fakeElectron(this.#userData);
  /** One for each start of the mirror; the last one stays. */
  readonly mirrors = [new FakeMirror()];
  readonly created: { readonly args: readonly string[]; readonly box: SecretBox | undefined }[] = [];
  readonly log: string[] = [];
  readonly timers: { readonly ms: number; readonly task: () => void; isCancelled: boolean }[] = [];
  hasTray = true;

  /** The same machine after the app has ended. */
  renewElectron(): void {
    this.electron = fakeElectron(this.#userData);
  }

  create(platform: NodeJS.Platform, argv: readonly string[]): DesktopApp {
    const timer = (ms: number, task: () => void): (() => void) => {
      const entry = { ms, task, isCancelled: false };
      this.timers.push(entry);
      return () => (entry.isCancelled = true);
    };
    return new DesktopApp({
      electron: this.electron.parts,
      createMirror: (args, box) => {
        this.created.push({ args, box });
        return Promise.resolve(this.mirrors[this.created.length - 1] ?? this.mirrors.at(-1)!);
      },
      files: { preload: '/app/preload.cjs', appIcon: '/app/icon.png', trayIcons: '/app/tray' },
      environment: { platform, argv: ['electron', '/app', ...argv], desktop: 'KDE' },
      hasTray: () => Promise.resolve(this.hasTray),
      fetchFacts: () => Promise.resolve(noFacts),
      clock: { now: () => 0, every: timer, after: timer },
      formatTime: () => '14:05',
      log: (line) => this.log.push(line),
    });
  }

  /** An app that has started, or has failed to and asked what now. */
  async start(argv: readonly string[] = [], platform: NodeJS.Platform = 'linux'): Promise<DesktopApp> {
    const app = this.create(platform, argv);
    this.electron.app.becomeReady();
    // a question may stay unanswered, and then run() waits as it does for a person
    await Promise.race([app.run(), this.electron.firstQuestion]);
    return app;
  }

  window(): FakeWindow {
    return this.electron.seen.windows.at(-1)!;
  }

  tray(): FakeTray {
    return this.electron.seen.trays.at(-1)!;
  }

  clickTray(label: string): void {
    (this.tray().menu.find((item) => item.label === label)?.click as () => void)();
  }

  messages(): (string | undefined)[] {
    return this.electron.seen.questions.map((question) => question.message);
  }

  remove(): void {
    rmSync(this.#userData, { recursive: true });
  }
}
