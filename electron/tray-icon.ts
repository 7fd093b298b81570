import { join } from 'node:path';
import type { TrayShape } from './tray-menu.ts';

/** What decides which drawing of a shape is seen on the bar behind it. */
export interface IconSurroundings {
  readonly platform: NodeJS.Platform;
  /** `XDG_CURRENT_DESKTOP`, e.g. `ubuntu:GNOME`. */
  readonly desktop: string;
  /** Whether the system's bars are dark, as far as it says. */
  readonly isDark: boolean;
}

/** Desktops whose bar is dark whatever theme the windows have. */
const darkBarDesktops = new Set(['gnome', 'gnome-classic', 'unity', 'pantheon', 'budgie']);

/** File of the icon: a template on macOS, which colours it itself; ICO on Windows; light or dark strokes elsewhere. */
export function trayIconFile(directory: string, shape: TrayShape, surroundings: IconSurroundings): string {
  if (surroundings.platform === 'darwin') return join(directory, `${shape}Template.png`);
  const strokes = isBarDark(surroundings) ? 'light' : 'dark';
  return join(directory, `${shape}-${strokes}.${surroundings.platform === 'win32' ? 'ico' : 'png'}`);
}

function isBarDark({ platform, desktop, isDark }: IconSurroundings): boolean {
  if (platform !== 'linux') return isDark;
  return (
    isDark ||
    desktop
      .toLowerCase()
      .split(':')
      .some((name) => darkBarDesktops.has(name))
  );
}
