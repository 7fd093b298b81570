import { EventEmitter } from 'node:events';
import type {
  BrowserWindowConstructorOptions,
  Menu,
  MenuItemConstructorOptions,
  MessageBoxOptions,
  NativeImage,
  NotificationConstructorOptions,
  Settings,
} from 'electron';
import type {
  AppPart,
  ElectronParts,
  IpcMainPart,
  InvokeEventPart,
  NativeThemePart,
  SafeStoragePart,
  TrayPart,
} from '../../../electron/electron-parts.ts';
import { FakeSession, FakeWindow, fakeEvent } from './window-double.ts';

/** Behaves as Electron's app does: `quit` asks `before-quit` first and ends nothing when it is prevented. */
export class FakeApp extends EventEmitter implements AppPart {
  isPackaged = false;
  hasLock = true;
  userData = '';
  endedWith: number | undefined;
  loginItem: Settings = {};
  wasOpenedAtLogin = false;
  protocols: string[] = [];
  userModelId: string | undefined;
  #makeReady: () => void = () => undefined;
  readonly #ready = new Promise<void>((resolve) => {
    this.#makeReady = resolve;
  });

  becomeReady(): void {
    this.#makeReady();
  }

  whenReady(): Promise<void> {
    return this.#ready;
  }

  requestSingleInstanceLock(): boolean {
    return this.hasLock;
  }

  quit(): void {
    const event = fakeEvent();
    this.emit('before-quit', event);
    if (!event.defaultPrevented) this.exit(0);
  }

  exit(code = 0): void {
    this.endedWith ??= code;
  }

  getPath(): string {
    return this.userData;
  }

  setAppUserModelId(id: string): void {
    this.userModelId = id;
  }

  setAsDefaultProtocolClient(protocol: string): boolean {
    this.protocols.push(protocol);
    return true;
  }

  setLoginItemSettings(settings: Settings): void {
    this.loginItem = settings;
  }

  getLoginItemSettings(): { readonly openAtLogin: boolean; readonly wasOpenedAtLogin: boolean } {
    return { openAtLogin: this.loginItem.openAtLogin ?? false, wasOpenedAtLogin: this.wasOpenedAtLogin };
  }
}

interface FakeImage {
  readonly file: string;
  isTemplate: boolean;
  setTemplateImage(option: boolean): void;
}

function fakeImage(file: string): FakeImage {
  const image: FakeImage = {
    file,
    isTemplate: false,
    setTemplateImage: (option) => {
      image.isTemplate = option;
    },
  };
  return image;
}

/** What a built menu was built from: Electron's own Menu cannot be made outside Electron. */
interface FakeMenu {
  readonly template: MenuItemConstructorOptions[];
}

export class FakeTray extends EventEmitter implements TrayPart {
  images: FakeImage[];
  menus: MenuItemConstructorOptions[][] = [];
  tips: string[] = [];
  destroyed = false;

  constructor(image: NativeImage) {
    super();
    this.images = [image as unknown as FakeImage];
  }

  get menu(): MenuItemConstructorOptions[] {
    return this.menus.at(-1) ?? [];
  }

  setImage(image: NativeImage | string): void {
    this.images.push(image as unknown as FakeImage);
  }

  setContextMenu(menu: Menu | null): void {
    this.menus.push((menu as unknown as FakeMenu).template);
  }

  setToolTip(tip: string): void {
    this.tips.push(tip);
  }

  destroy(): void {
    this.destroyed = true;
  }
}

/** Seals in hexadecimal, which is enough to tell sealed from open; the keychain of each instance has its own mark. */
export class FakeSafeStorage implements SafeStoragePart {
  isAvailable = true;
  backend: ReturnType<SafeStoragePart['getSelectedStorageBackend']> = 'gnome_libsecret';
  shouldReEncrypt = false;
  mark = 'a';
  encryptions = 0;

  isAsyncEncryptionAvailable(): Promise<boolean> {
    return Promise.resolve(this.isAvailable);
  }

  getSelectedStorageBackend(): typeof this.backend {
    return this.backend;
  }

  encryptStringAsync(text: string): Promise<Buffer> {
    this.encryptions += 1;
    return Promise.resolve(Buffer.from(`${this.mark}${Buffer.from(text).toString('hex')}`));
  }

  decryptStringAsync(sealed: Buffer): Promise<{ result: string; shouldReEncrypt: boolean }> {
    const text = sealed.toString();
    if (!text.startsWith(this.mark)) return Promise.reject(new Error('Error while decrypting the ciphertext'));
    return Promise.resolve({
      result: Buffer.from(text.slice(1), 'hex').toString(),
      shouldReEncrypt: this.shouldReEncrypt,
    });
  }
}

export class FakeIpcMain implements IpcMainPart {
  readonly handlers = new Map<string, Parameters<IpcMainPart['handle']>[1]>();

  handle(channel: string, listener: Parameters<IpcMainPart['handle']>[1]): void {
    if (this.handlers.has(channel)) throw new Error(`Attempted to register a second handler for '${channel}'`);
    this.handlers.set(channel, listener);
  }

  invoke(channel: string, event: InvokeEventPart, ...args: unknown[]): Promise<unknown> {
    const handler = this.handlers.get(channel);
    if (handler === undefined) return Promise.reject(new Error(`No handler registered for '${channel}'`));
    return handler(event, ...args);
  }
}

class FakeNativeTheme extends EventEmitter implements NativeThemePart {
  themeSource: NativeThemePart['themeSource'] = 'system';
  shouldUseDarkColors = false;
  shouldUseDarkColorsForSystemIntegratedUI = false;
}

export type FakeElectron = ReturnType<typeof fakeElectron>;

/** A small Electron in one process: everything asked of it can be seen, everything it would report can be emitted. */
export function fakeElectron(userData: string) {
  const seen = {
    windows: [] as FakeWindow[],
    trays: [] as FakeTray[],
    notifications: [] as NotificationConstructorOptions[],
    questions: [] as MessageBoxOptions[],
    copied: [] as string[],
    opened: [] as string[],
    applicationMenus: [] as (Menu | null)[],
  };
  const app = new FakeApp();
  app.userData = userData;
  const session = new FakeSession();
  /** Buttons that will be chosen, by their text; without one a question stays open. */
  const answers: string[] = [];
  let questionAsked: () => void = () => undefined;
  const firstQuestion = new Promise<void>((resolve) => {
    questionAsked = resolve;
  });
  const powerMonitor = new EventEmitter();
  const parts = {
    app,
    BrowserWindow: class extends FakeWindow {
      constructor(options: BrowserWindowConstructorOptions) {
        super(options, seen.windows.length + 1);
        seen.windows.push(this);
      }
    },
    Tray: class extends FakeTray {
      constructor(image: NativeImage) {
        super(image);
        seen.trays.push(this);
      }
    },
    Menu: {
      buildFromTemplate: (template: MenuItemConstructorOptions[]) => ({ template }) as unknown as Menu,
      setApplicationMenu: (menu: Menu | null) => void seen.applicationMenus.push(menu),
    },
    Notification: class extends EventEmitter {
      static isSupported = (): boolean => true;
      readonly #options: NotificationConstructorOptions;

      constructor(options: NotificationConstructorOptions) {
        super();
        this.#options = options;
      }

      show(): void {
        seen.notifications.push(this.#options);
      }
    },
    nativeImage: { createFromPath: (file: string) => fakeImage(file) as unknown as NativeImage },
    nativeTheme: new FakeNativeTheme(),
    clipboard: {
      writeText: (text: string) => {
        seen.copied.push(text);
        return Promise.resolve();
      },
    },
    dialog: {
      showMessageBox: (options: MessageBoxOptions) => {
        seen.questions.push(options);
        questionAsked();
        const response = (options.buttons ?? []).indexOf(answers.shift() ?? '');
        return response === -1
          ? new Promise<never>(() => undefined)
          : Promise.resolve({ response, checkboxChecked: false });
      },
    },
    ipcMain: new FakeIpcMain(),
    powerMonitor,
    safeStorage: new FakeSafeStorage(),
    screen: { getAllDisplays: () => [] },
    session: { fromPartition: () => session },
    shell: {
      openPath: (path: string) => {
        seen.opened.push(path);
        return Promise.resolve('');
      },
    },
  } satisfies ElectronParts;
  return { parts, app, session, answers, firstQuestion, powerMonitor, seen };
}
