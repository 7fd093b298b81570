import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { _electron } from '@playwright/test';
import type { ElectronApplication, Page } from '@playwright/test';
import type { MenuItem } from 'electron';
import { installedElectron } from '../../build/electron-binary.mjs';

const main = resolve(import.meta.dirname, '../../dist/electron/main.js');

/** Why the app cannot be started here, or undefined. */
export function desktopObstacle(): string | undefined {
  if (installedElectron() === undefined) return "Electron's binary is not installed";
  if (!existsSync(main)) return 'the app is not built: dist/electron/main.js is missing';
  const { DISPLAY, WAYLAND_DISPLAY } = process.env;
  if (process.platform === 'linux' && !DISPLAY && !WAYLAND_DISPLAY) return 'there is no display';
  return undefined;
}

/** The app with a data directory, a profile and ports of its own, and a way to see its tray's menu. */
export class Desktop {
  readonly #directory: string;
  readonly app: ElectronApplication;
  readonly window: Page;

  private constructor(directory: string, app: ElectronApplication, window: Page) {
    this.#directory = directory;
    this.app = app;
    this.window = window;
  }

  static async start(): Promise<Desktop> {
    const directory = mkdtempSync(join(tmpdir(), 'zhi-mirror-desktop-'));
    const app = await _electron.launch({
      executablePath: installedElectron() ?? '',
      args: [main, ...argumentsFor(directory)],
      env: environment(),
    });
    const window = await app.firstWindow();
    return new Desktop(directory, app, window);
  }

  /** Starts the app a second time with the same profile; resolves with its exit code. */
  startAgain(): Promise<number | null> {
    const second = spawn(installedElectron() ?? '', [main, ...argumentsFor(this.#directory)], {
      env: environment(),
      stdio: 'ignore',
    });
    return new Promise((done, failed) => {
      second.once('exit', done);
      second.once('error', failed);
    });
  }

  /**
   * Keeps every menu the app builds from now on: a tray icon belongs to the system and cannot be opened from a test. The tray
   * builds one after each change of the status.
   */
  async watchMenus(): Promise<void> {
    await this.app.evaluate(({ Menu }) => {
      const build = Menu.buildFromTemplate.bind(Menu);
      Menu.buildFromTemplate = (template) => {
        const menu = build(template);
        Object.assign(globalThis, { latestMenu: menu });
        return menu;
      };
    });
  }

  /** The latest menu's rows: a check mark, where it has one, and the label. */
  menuRows(): Promise<string[]> {
    return this.app.evaluate(() => {
      const { latestMenu } = globalThis as { latestMenu?: { items: MenuItem[] } };
      const mark = (item: MenuItem): string => (item.type === 'checkbox' ? (item.checked ? '☑ ' : '☐ ') : '');
      return (latestMenu?.items ?? []).map((item) => `${mark(item)}${item.label}`);
    });
  }

  /** Clicks the row with this label as the system would. */
  async clickMenu(label: string): Promise<void> {
    await this.app.evaluate((_electron, wanted) => {
      const { latestMenu } = globalThis as { latestMenu?: { items: MenuItem[] } };
      latestMenu?.items.find((item) => item.label === wanted)?.click();
    }, label);
  }

  /** Calls the admin API as the page would. */
  request(path: string, body?: unknown): Promise<unknown> {
    return this.window.evaluate(
      async ([to, sent]) => {
        const init =
          sent === undefined ? {} : { method: 'POST', body: sent, headers: { 'content-type': 'application/json' } };
        const answer = await fetch(`/api/v1/${to ?? ''}`, init);
        if (!answer.ok) throw new Error(`${to ?? ''} answers ${String(answer.status)}`);
        return (await answer.json()) as unknown;
      },
      [path, body === undefined ? undefined : JSON.stringify(body)],
    );
  }

  async quit(): Promise<void> {
    await this.app.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function argumentsFor(directory: string): string[] {
  return [
    `--user-data-dir=${join(directory, 'profile')}`,
    '--listen',
    '127.0.0.1:0',
    '--admin-listen',
    '127.0.0.1:0',
    '--data-dir',
    join(directory, 'data'),
    // Chromium's sandbox refuses to run as root, which is who builds in containers
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
  ];
}

function environment(): Record<string, string> {
  const entries = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  // with this variable set the binary is a plain Node
  return Object.fromEntries(entries.filter(([name]) => name !== 'ELECTRON_RUN_AS_NODE'));
}
