import { execFile } from 'node:child_process';

/** Runs a program and answers with what it printed; rejects when it is missing, fails or takes too long. */
export type RunProgram = (file: string, args: readonly string[]) => Promise<string>;

const watcher = 'org.kde.StatusNotifierWatcher';
const watcherPath = '/StatusNotifierWatcher';
const property = 'IsStatusNotifierHostRegistered';
const timeoutMs = 2000;

/** Ways to ask the session bus the same question; desktops have at least one of them. */
const questions: readonly (readonly [string, readonly string[]])[] = [
  ['busctl', ['--user', 'get-property', watcher, watcherPath, watcher, property]],
  [
    'gdbus',
    [
      'call',
      '--session',
      '--dest',
      watcher,
      '--object-path',
      watcherPath,
      '--method',
      'org.freedesktop.DBus.Properties.Get',
      watcher,
      property,
    ],
  ],
  [
    'dbus-send',
    [
      '--session',
      '--print-reply',
      `--dest=${watcher}`,
      watcherPath,
      'org.freedesktop.DBus.Properties.Get',
      `string:${watcher}`,
      `string:${property}`,
    ],
  ],
];

/**
 * Whether an icon in the tray would be seen by anybody. Windows and macOS always have a tray; on Linux it is what the
 * desktop's status notifier host says, because creating an icon succeeds even where nobody draws it (GNOME without an
 * indicator). When nobody can be asked the answer is no: a window that does not hide is better than one that cannot be found.
 */
export async function hasTray(platform: NodeJS.Platform, run: RunProgram = runProgram): Promise<boolean> {
  if (platform !== 'linux') return true;
  for (const [file, args] of questions) {
    const answer = await run(file, args).catch(() => undefined);
    if (answer !== undefined) return /\btrue\b/.test(answer);
  }
  return false;
}

function runProgram(file: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(file, [...args], { timeout: timeoutMs, maxBuffer: 64 * 1024 }, (error, output) => {
      if (error === null) resolve(output);
      else reject(new Error(`${file} did not answer`, { cause: error }));
    });
  });
}
