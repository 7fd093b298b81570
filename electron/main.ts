import { join } from 'node:path';
import process from 'node:process';
import {
  BrowserWindow,
  Menu,
  Notification,
  Tray,
  app,
  clipboard,
  dialog,
  ipcMain,
  nativeImage,
  nativeTheme,
  powerMonitor,
  safeStorage,
  screen,
  session,
  shell,
} from 'electron';
import { createMirrorFromFlags } from '../server/app-from-flags.ts';
import { DesktopApp } from './desktop-app.ts';
import { fetchTrayFacts } from './tray-facts.ts';
import { hasTray } from './tray-presence.ts';

// Entry of Electron's main process: hands the real things to the app. Runs as dist/electron/main.js.
const here = import.meta.dirname;
const icons = join(here, '../../build/icons');
const factsTimeoutMs = 5000;
const wallTime = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

const desktop = new DesktopApp({
  electron: {
    app,
    BrowserWindow,
    Menu,
    Notification,
    Tray,
    clipboard,
    dialog,
    ipcMain,
    nativeImage,
    nativeTheme,
    powerMonitor,
    safeStorage,
    screen,
    session,
    shell,
  },
  createMirror: (args, secretBox) =>
    createMirrorFromFlags(args, {
      rendererDirectory: join(here, '../renderer'),
      ...(secretBox === undefined ? {} : { secretBox }),
    }),
  files: {
    preload: join(here, 'preload.cjs'),
    appIcon: join(icons, process.platform === 'win32' ? 'icon.ico' : 'icon.png'),
    trayIcons: join(icons, 'tray'),
  },
  environment: { platform: process.platform, argv: process.argv, desktop: process.env['XDG_CURRENT_DESKTOP'] ?? '' },
  hasTray: () => hasTray(process.platform),
  fetchFacts: (adminUrl) => fetchTrayFacts(adminUrl, AbortSignal.timeout(factsTimeoutMs)),
  clock: {
    // eslint-disable-next-line no-restricted-syntax -- the server's clock is out of reach: only server/app.ts may be imported
    now: () => Date.now(),
    every: (ms, task) => {
      const timer = setInterval(task, ms);
      timer.unref();
      return () => {
        clearInterval(timer);
      };
    },
    after: (ms, task) => {
      const timer = setTimeout(task, ms);
      timer.unref();
      return () => {
        clearTimeout(timer);
      };
    },
  },
  formatTime: (at) => wallTime.format(at),
  log: (line) => {
    process.stderr.write(`${line}\n`);
  },
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void desktop.quitNow());
void desktop.run();
