import type { Menu, MenuItemConstructorOptions } from 'electron';
import type { MenuPart } from './electron-parts.ts';

/**
 * macOS needs a menu bar for copy, paste and Quit to work at all; elsewhere there is none. Electron's own default menu links
 * to pages outside and is never shown.
 */
export function applicationMenu(menu: MenuPart, platform: NodeJS.Platform): Menu | null {
  if (platform !== 'darwin') return null;
  const template: MenuItemConstructorOptions[] = [{ role: 'appMenu' }, { role: 'editMenu' }, { role: 'windowMenu' }];
  return menu.buildFromTemplate(template);
}
