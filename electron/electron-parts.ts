import type {
  App,
  BrowserWindow,
  BrowserWindowConstructorOptions,
  Clipboard,
  Event,
  LoginItemSettingsOptions,
  Menu,
  MenuItemConstructorOptions,
  MessageBoxOptions,
  MessageBoxReturnValue,
  NativeImage,
  NativeTheme,
  NotificationConstructorOptions,
  OnBeforeRequestListenerDetails,
  SafeStorage,
  Screen,
  Session,
  Shell,
  Tray,
  WebContents,
} from 'electron';

/**
 * The pieces of Electron this app uses, in Electron's own types, and nothing else. `main.ts` hands over the real ones, so
 * the compiler proves that they fit; tests hand over doubles. No other file than `main.ts` and `preload.ts` imports
 * Electron's values: they exist only inside Electron.
 *
 * Events are written out because Electron's overloaded `on` cannot be picked from.
 */
export interface ElectronParts {
  readonly app: AppPart;
  readonly BrowserWindow: new (options: BrowserWindowConstructorOptions) => WindowPart;
  readonly Tray: new (image: NativeImage) => TrayPart;
  readonly Menu: MenuPart;
  readonly Notification: NotificationPart;
  readonly nativeImage: { createFromPath(path: string): NativeImage };
  readonly nativeTheme: NativeThemePart;
  readonly clipboard: Pick<Clipboard, 'writeText'>;
  readonly dialog: { showMessageBox(options: MessageBoxOptions): Promise<MessageBoxReturnValue> };
  readonly ipcMain: IpcMainPart;
  readonly powerMonitor: { on(event: 'shutdown', listener: () => void): unknown };
  readonly safeStorage: SafeStoragePart;
  readonly screen: Pick<Screen, 'getAllDisplays'>;
  readonly session: { fromPartition(partition: string): SessionPart };
  readonly shell: Pick<Shell, 'openPath'>;
}

export interface AppPart extends Pick<
  App,
  | 'exit'
  | 'getPath'
  | 'isPackaged'
  | 'quit'
  | 'requestSingleInstanceLock'
  | 'setAppUserModelId'
  | 'setAsDefaultProtocolClient'
  | 'setLoginItemSettings'
  | 'whenReady'
> {
  getLoginItemSettings(options?: LoginItemSettingsOptions): {
    readonly openAtLogin: boolean;
    readonly wasOpenedAtLogin: boolean;
  };
  on(event: 'second-instance', listener: (event: Event, argv: string[]) => void): unknown;
  on(event: 'open-url', listener: (event: Event, url: string) => void): unknown;
  on(event: 'before-quit', listener: (event: Event) => void): unknown;
  on(event: 'activate' | 'window-all-closed', listener: () => void): unknown;
}

export interface WindowPart extends Pick<
  BrowserWindow,
  | 'destroy'
  | 'focus'
  | 'getNormalBounds'
  | 'hide'
  | 'isDestroyed'
  | 'isMaximized'
  | 'isMinimized'
  | 'loadURL'
  | 'maximize'
  | 'restore'
  | 'show'
> {
  readonly webContents: WebContentsPart;
  on(event: 'close', listener: (event: Event) => void): unknown;
  on(event: 'session-end' | 'closed', listener: () => void): unknown;
}

export interface WebContentsPart extends Pick<WebContents, 'getURL' | 'id' | 'setWindowOpenHandler'> {
  on(event: 'will-frame-navigate' | 'will-redirect', listener: (details: NavigationPart) => void): unknown;
  on(event: 'will-attach-webview', listener: (event: Event) => void): unknown;
  on(event: 'render-process-gone', listener: () => void): unknown;
}

/** The part of a navigation event that decides. */
export interface NavigationPart {
  readonly url: string;
  preventDefault(): void;
}

export interface SessionPart extends Pick<
  Session,
  'setDevicePermissionHandler' | 'setPermissionCheckHandler' | 'setPermissionRequestHandler'
> {
  on(event: 'will-download', listener: (event: Event) => void): unknown;
  readonly webRequest: {
    onBeforeRequest(
      listener: (
        details: Pick<OnBeforeRequestListenerDetails, 'url'>,
        callback: (answer: { cancel: boolean }) => void,
      ) => void,
    ): void;
  };
}

export interface TrayPart extends Pick<Tray, 'destroy' | 'setContextMenu' | 'setImage' | 'setToolTip'> {
  on(event: 'click', listener: () => void): unknown;
}

export interface MenuPart {
  buildFromTemplate(template: MenuItemConstructorOptions[]): Menu;
  setApplicationMenu(menu: Menu | null): void;
}

export interface NativeThemePart extends Pick<
  NativeTheme,
  'shouldUseDarkColors' | 'shouldUseDarkColorsForSystemIntegratedUI'
> {
  themeSource: NativeTheme['themeSource'];
  on(event: 'updated', listener: () => void): unknown;
}

export interface NotificationPart {
  new (options: NotificationConstructorOptions): { show(): void; on(event: 'click', listener: () => void): unknown };
  isSupported(): boolean;
}

export interface IpcMainPart {
  handle(channel: string, listener: (event: InvokeEventPart, ...args: unknown[]) => Promise<unknown>): void;
}

/** Who called: the window's id and the frame's address. The frame is null once it has navigated away or is gone. */
export interface InvokeEventPart {
  readonly sender: Pick<WebContents, 'id'>;
  readonly senderFrame: { readonly url: string; readonly parent: object | null } | null;
}

export type SafeStoragePart = Pick<
  SafeStorage,
  'decryptStringAsync' | 'encryptStringAsync' | 'getSelectedStorageBackend' | 'isAsyncEncryptionAvailable'
>;
