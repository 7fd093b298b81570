import type { BrowserWindowConstructorOptions } from 'electron';
import type { ElectronParts, SessionPart, WebContentsPart, WindowPart } from './electron-parts.ts';
import { originOf } from './ipc.ts';
import type { TrustedPage } from './ipc.ts';
import { minimumSize, openingPlace, placeFile, readPlace, rememberPlace } from './window-bounds.ts';
import type { OpeningPlace } from './window-bounds.ts';

export interface WindowOptions {
  readonly electron: Pick<ElectronParts, 'BrowserWindow' | 'app' | 'nativeTheme' | 'screen' | 'session'>;
  readonly preloadFile: string;
  readonly iconFile: string;
  /** Address of the admin listener now; undefined while the mirror does not run. */
  readonly adminUrl: () => string | undefined;
  /** The person closed the window; it stays open until told otherwise. */
  readonly onCloseRequest: () => void;
  /** The system ends the session: there is no time for questions (Windows). */
  readonly onSessionEnd: () => void;
}

/** Own storage for the window's pages, apart from Electron's default session, which stays unused. */
const partition = 'persist:window';

/** The one window: shows the admin listener's pages and cannot be made to show anything else. */
export class MirrorWindow {
  readonly #options: WindowOptions;
  #window: WindowPart | undefined;
  #mayClose = false;
  #mustLoad = true;

  constructor(options: WindowOptions) {
    this.#options = options;
  }

  /** Shows the window, on the page with this path when given; nothing happens while the mirror does not run. */
  async show(page?: string): Promise<void> {
    const adminUrl = this.#options.adminUrl();
    if (adminUrl === undefined) return;
    const window = this.#window ?? this.#create();
    if (window.isMinimized()) window.restore();
    window.show();
    window.focus();
    const isElsewhere = originOf(window.webContents.getURL()) !== originOf(adminUrl);
    if (page === undefined && !isElsewhere && !this.#mustLoad) return;
    this.#mustLoad = false;
    await load(window, pageUrl(adminUrl, page));
  }

  hide(): void {
    this.#window?.hide();
  }

  /** Remembers the window's place and removes it without asking again. */
  destroy(): void {
    this.#mayClose = true;
    this.#remember();
    this.#window?.destroy();
    this.#window = undefined;
  }

  /** The only page whose calls are answered; undefined while there is none. */
  trustedPage(): TrustedPage | undefined {
    const origin = originOf(this.#options.adminUrl() ?? '');
    if (this.#window === undefined || origin === undefined) return undefined;
    return { webContentsId: this.#window.webContents.id, origin };
  }

  #create(): WindowPart {
    const { electron, adminUrl } = this.#options;
    const workAreas = electron.screen.getAllDisplays().map((display) => display.workArea);
    const place = openingPlace(readPlace(this.#placeFile), workAreas);
    // the session is closed down before the first page can ask anything of it
    hardenSession(electron.session.fromPartition(partition), adminUrl);
    const window = new electron.BrowserWindow(this.#windowOptions(place));
    hardenContents(window.webContents, adminUrl);
    if (place.isMaximized) window.maximize();
    window.on('close', (event) => {
      this.#remember();
      if (this.#mayClose) return;
      event.preventDefault();
      this.#options.onCloseRequest();
    });
    window.on('closed', () => {
      this.#window = undefined;
      this.#mustLoad = true;
    });
    window.webContents.on('render-process-gone', () => {
      this.#mustLoad = true;
    });
    window.on('session-end', this.#options.onSessionEnd);
    this.#window = window;
    return window;
  }

  #windowOptions({ isMaximized: _, ...place }: OpeningPlace): BrowserWindowConstructorOptions {
    const { electron, preloadFile, iconFile } = this.#options;
    return {
      ...place,
      minWidth: minimumSize.width,
      minHeight: minimumSize.height,
      show: false,
      title: 'Zhi Mirror',
      icon: iconFile,
      // what is seen until the page has painted: the same as the page's own canvas
      backgroundColor: electron.nativeTheme.shouldUseDarkColors ? '#0d1115' : '#f3f5f7',
      autoHideMenuBar: true,
      webPreferences: {
        preload: preloadFile,
        partition,
        contextIsolation: true,
        sandbox: true,
        nodeIntegration: false,
        nodeIntegrationInSubFrames: false,
        nodeIntegrationInWorker: false,
        webSecurity: true,
        webviewTag: false,
        navigateOnDragDrop: false,
        spellcheck: false,
      },
    };
  }

  #remember(): void {
    const window = this.#window;
    if (window === undefined || window.isDestroyed()) return;
    rememberPlace(this.#placeFile, { bounds: window.getNormalBounds(), isMaximized: window.isMaximized() });
  }

  get #placeFile(): string {
    return placeFile(this.#options.electron.app.getPath('userData'));
  }
}

/** Address of one of the renderer's pages; its router reads the path after `#`. */
export function pageUrl(adminUrl: string, page: string | undefined): string {
  if (page === undefined) return adminUrl;
  const url = new URL(adminUrl);
  url.hash = page.startsWith('/') ? page : `/${page}`;
  return url.href;
}

/** No download, no device, no permission but writing to the clipboard at a click, and no request to anywhere else. */
export function hardenSession(session: SessionPart, adminUrl: () => string | undefined): void {
  session.setPermissionRequestHandler((_contents, _permission, decide) => {
    decide(false);
  });
  session.setPermissionCheckHandler(
    (_contents, permission, origin) => permission === 'clipboard-sanitized-write' && isOwn(origin, adminUrl()),
  );
  session.setDevicePermissionHandler(() => false);
  session.on('will-download', (event) => {
    event.preventDefault();
  });
  session.webRequest.onBeforeRequest(({ url }, decide) => {
    decide({ cancel: !mayBeRequested(url, adminUrl()) });
  });
}

/** No way out of the admin listener's pages: links, redirects, frames, pop-ups, embedded browsers. */
export function hardenContents(contents: WebContentsPart, adminUrl: () => string | undefined): void {
  const stay = (details: { readonly url: string; preventDefault(): void }): void => {
    if (!isOwn(details.url, adminUrl())) details.preventDefault();
  };
  contents.on('will-frame-navigate', stay);
  contents.on('will-redirect', stay);
  contents.on('will-attach-webview', (event) => {
    event.preventDefault();
  });
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
}

/** A page that cannot be loaded shows its own error; the tray tells why the mirror is not there. */
async function load(window: WindowPart, url: string): Promise<void> {
  await window.loadURL(url).catch(() => undefined);
}

function isOwn(url: string, adminUrl: string | undefined): boolean {
  const origin = originOf(url);
  return origin !== undefined && adminUrl !== undefined && origin === originOf(adminUrl);
}

function mayBeRequested(url: string, adminUrl: string | undefined): boolean {
  // made by the page itself or by Chromium's own tools, never fetched from anywhere
  if (/^(?:data|blob|devtools|chrome|chrome-extension):/.test(url)) return true;
  return isOwn(url, adminUrl);
}
