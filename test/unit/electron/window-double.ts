import { EventEmitter } from 'node:events';
import type { BrowserWindowConstructorOptions, Event } from 'electron';
import type { SessionPart, WebContentsPart, WindowPart } from '../../../electron/electron-parts.ts';

/** An event that remembers whether it was prevented. */
export function fakeEvent(): Event & { defaultPrevented: boolean } {
  const event = {
    defaultPrevented: false,
    preventDefault: () => {
      event.defaultPrevented = true;
    },
  };
  return event;
}

/** A page's contents: what it was told and where it is. */
export class FakeWebContents extends EventEmitter implements WebContentsPart {
  readonly id: number;
  url = '';
  openHandler: Parameters<WebContentsPart['setWindowOpenHandler']>[0] | undefined;

  constructor(id: number) {
    super();
    this.id = id;
  }

  getURL(): string {
    return this.url;
  }

  setWindowOpenHandler(handler: Parameters<WebContentsPart['setWindowOpenHandler']>[0]): void {
    this.openHandler = handler;
  }
}

/** A window: shown and hidden as asked; `userCloses` does what the title bar's button does. */
export class FakeWindow extends EventEmitter implements WindowPart {
  readonly options: BrowserWindowConstructorOptions;
  readonly webContents: FakeWebContents;
  loaded: string[] = [];
  visible = false;
  destroyed = false;
  minimized = false;
  maximized = false;
  bounds = { x: 10, y: 20, width: 1000, height: 700 };
  loadFails = false;

  constructor(options: BrowserWindowConstructorOptions, id: number) {
    super();
    this.options = options;
    this.webContents = new FakeWebContents(id);
  }

  userCloses(): void {
    const event = fakeEvent();
    this.emit('close', event);
    if (!event.defaultPrevented) this.destroy();
  }

  loadURL(url: string): Promise<void> {
    this.loaded.push(url);
    this.webContents.url = url;
    return this.loadFails ? Promise.reject(new Error('ERR_CONNECTION_REFUSED')) : Promise.resolve();
  }

  show(): void {
    this.visible = true;
  }

  hide(): void {
    this.visible = false;
  }

  focus(): void {
    // nothing to see in a double
  }

  restore(): void {
    this.minimized = false;
  }

  maximize(): void {
    this.maximized = true;
  }

  destroy(): void {
    this.destroyed = true;
    this.visible = false;
    this.emit('closed');
  }

  isDestroyed(): boolean {
    return this.destroyed;
  }

  isMaximized(): boolean {
    return this.maximized;
  }

  isMinimized(): boolean {
    return this.minimized;
  }

  getNormalBounds(): typeof this.bounds {
    return this.bounds;
  }
}

/** A session that answers as Electron would ask it. */
export class FakeSession extends EventEmitter implements SessionPart {
  permissionRequest: Parameters<SessionPart['setPermissionRequestHandler']>[0] = null;
  permissionCheck: Parameters<SessionPart['setPermissionCheckHandler']>[0] = null;
  device: Parameters<SessionPart['setDevicePermissionHandler']>[0] = null;
  beforeRequest: Parameters<SessionPart['webRequest']['onBeforeRequest']>[0] | undefined;
  readonly webRequest: SessionPart['webRequest'] = {
    onBeforeRequest: (listener) => {
      this.beforeRequest = listener;
    },
  };

  setPermissionRequestHandler(handler: typeof this.permissionRequest): void {
    this.permissionRequest = handler;
  }

  setPermissionCheckHandler(handler: typeof this.permissionCheck): void {
    this.permissionCheck = handler;
  }

  setDevicePermissionHandler(handler: typeof this.device): void {
    this.device = handler;
  }

  /** Whether a request of the page for `url` would go out. */
  lets(url: string): boolean {
    let isCancelled = false;
    this.beforeRequest?.({ url }, ({ cancel }) => {
      isCancelled = cancel;
    });
    return !isCancelled;
  }
}
