import type { DesktopCalls, StartAtLogin } from './desktop-api.ts';
import type { ElectronParts } from './electron-parts.ts';

export interface DesktopCallsOptions {
  readonly electron: Pick<ElectronParts, 'app' | 'clipboard' | 'nativeTheme' | 'shell'>;
  readonly platform: NodeJS.Platform;
  /** Absolute path while the mirror runs. */
  readonly dataDirectory: () => string | undefined;
}

/** What the window's calls do; `ipc.ts` has checked sender and arguments. */
export function desktopCalls({ electron, platform, dataDirectory }: DesktopCallsOptions): DesktopCalls {
  const { app, clipboard, nativeTheme, shell } = electron;
  // a checkout's login item would start a bare Electron; Linux has no list Electron could write to
  const knowsLogin = app.isPackaged && (platform === 'darwin' || platform === 'win32');
  const readLogin = (): StartAtLogin => {
    if (!knowsLogin) return 'unsupported';
    return app.getLoginItemSettings({ args: loginArguments }).openAtLogin ? 'on' : 'off';
  };
  return {
    copyText: (text) => clipboard.writeText(text),
    setTheme: (theme) => {
      nativeTheme.themeSource = theme;
      return Promise.resolve();
    },
    showDataDirectory: async () => {
      const directory = dataDirectory();
      if (directory === undefined) throw new Error('The data directory is not known while the mirror does not run.');
      const problem = await shell.openPath(directory);
      if (problem !== '') throw new Error(`${directory} cannot be shown: ${problem}`);
    },
    getStartAtLogin: () => Promise.resolve(readLogin()),
    setStartAtLogin: (isOn) => {
      if (knowsLogin) app.setLoginItemSettings({ openAtLogin: isOn, args: loginArguments });
      return Promise.resolve(readLogin());
    },
  };
}

/** Started at login the app stays in the tray. Windows finds a login item by these arguments too. */
const loginArguments: string[] = ['--hidden'];
