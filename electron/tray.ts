import type { ElectronParts, TrayPart } from './electron-parts.ts';
import { trayIconFile } from './tray-icon.ts';
import { statusLine, trayMenu, trayShape } from './tray-menu.ts';
import type { TrayCommand, TrayView } from './tray-menu.ts';

export interface TrayOptions {
  readonly electron: Pick<ElectronParts, 'Menu' | 'Tray' | 'nativeImage' | 'nativeTheme'>;
  readonly iconDirectory: string;
  readonly platform: NodeJS.Platform;
  /** `XDG_CURRENT_DESKTOP`. */
  readonly desktop: string;
  readonly act: (command: TrayCommand) => void;
}

/** The icon and its menu. `update` after every change; it touches only what differs, so an open menu is not shut by a tick. */
export class MirrorTray {
  readonly #options: TrayOptions;
  #tray: TrayPart | undefined;
  #isDestroyed = false;
  #shownIcon = '';
  #shownMenu = '';
  #shownTip = '';

  constructor(options: TrayOptions) {
    this.#options = options;
  }

  /** Shows what holds now; the first call puts the icon into the tray, none does after `destroy`. */
  update(view: TrayView): void {
    if (this.#isDestroyed) return;
    this.#tray = this.#tray ?? this.#create(view);
    this.#showIcon(this.#tray, view);
    this.#showTip(this.#tray, view);
    this.#showMenu(this.#tray, view);
  }

  /** As `update`, and sets the menu even if nothing changed: a click has turned its check mark over before it was refused. */
  redraw(view: TrayView): void {
    this.#shownMenu = '';
    this.update(view);
  }

  destroy(): void {
    this.#isDestroyed = true;
    this.#tray?.destroy();
    this.#tray = undefined;
  }

  #create(view: TrayView): TrayPart {
    const { electron, act, platform } = this.#options;
    this.#shownIcon = this.#iconFile(view);
    const tray = new electron.Tray(this.#image(this.#shownIcon));
    // on Linux and macOS a click opens the menu; there the window is its first command
    if (platform === 'win32') {
      tray.on('click', () => {
        act({ kind: 'open' });
      });
    }
    return tray;
  }

  #showIcon(tray: TrayPart, view: TrayView): void {
    const file = this.#iconFile(view);
    if (file === this.#shownIcon) return;
    this.#shownIcon = file;
    tray.setImage(this.#image(file));
  }

  #showTip(tray: TrayPart, { host, facts }: TrayView): void {
    const tip = statusLine(host, facts);
    if (tip === this.#shownTip) return;
    this.#shownTip = tip;
    tray.setToolTip(tip);
  }

  /** A menu once set cannot be changed on Linux: each change sets a new one (Electron's documentation of Tray). */
  #showMenu(tray: TrayPart, view: TrayView): void {
    const template = trayMenu(view, this.#options.act);
    // JSON leaves functions out; what they do follows from the labels, the toggles' states and the pages they open
    const description = JSON.stringify([template, attentionLinks(view)]);
    if (description === this.#shownMenu) return;
    this.#shownMenu = description;
    tray.setContextMenu(this.#options.electron.Menu.buildFromTemplate(template));
  }

  #iconFile({ host }: TrayView): string {
    const { electron, iconDirectory, platform, desktop } = this.#options;
    const isDark = electron.nativeTheme.shouldUseDarkColorsForSystemIntegratedUI;
    return trayIconFile(iconDirectory, trayShape(host), { platform, desktop, isDark });
  }

  #image(file: string): ReturnType<ElectronParts['nativeImage']['createFromPath']> {
    const image = this.#options.electron.nativeImage.createFromPath(file);
    if (this.#options.platform === 'darwin') image.setTemplateImage(true);
    return image;
  }
}

function attentionLinks({ host }: TrayView): readonly (string | undefined)[] {
  return host.kind === 'running' ? host.status.attention.map(({ link }) => link) : [];
}
