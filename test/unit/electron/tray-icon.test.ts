import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pngSize } from '../../../build/icons/ico.ts';
import { trayIconFile } from '../../../electron/tray-icon.ts';
import type { TrayShape } from '../../../electron/tray-menu.ts';

const icons = join(import.meta.dirname, '../../../build/icons');
const directory = join(icons, 'tray');
const shapes: readonly TrayShape[] = ['running', 'working', 'attention', 'stopped'];

function strokes(desktop: string, isDark: boolean): string {
  return trayIconFile('', 'running', { platform: 'linux', desktop, isDark });
}

describe('the icon on Linux', () => {
  it('has light strokes on the bars that are dark in every theme', () => {
    const desktops = ['GNOME', 'ubuntu:GNOME', 'GNOME-Classic:GNOME', 'Unity', 'Pantheon', 'Budgie:GNOME'];
    expect(desktops.map((desktop) => strokes(desktop, false))).toEqual(desktops.map(() => 'running-light.png'));
  });

  it('follows the theme elsewhere', () => {
    expect([strokes('KDE', false), strokes('KDE', true), strokes('', false)]).toEqual([
      'running-dark.png',
      'running-light.png',
      'running-dark.png',
    ]);
  });
});

describe('the drawings', () => {
  const files = (['linux', 'darwin', 'win32'] as const).flatMap((platform) =>
    [true, false].flatMap((isDark) =>
      shapes.map((shape) => trayIconFile(directory, shape, { platform, desktop: '', isDark })),
    ),
  );

  it('are there for every state, system and bar', () => {
    for (const file of files) expect(readFileSync(file).length, file).toBeGreaterThan(100);
  });

  it('are there in double density too', () => {
    for (const file of files.filter((name) => name.endsWith('.png'))) {
      const [single, double] = [file, file.replace('.png', '@2x.png')].map((name) => pngSize(readFileSync(name)));
      expect(double, file).toBe(2 * (single ?? 0));
    }
  });

  it('differ from state to state', () => {
    const linux = shapes.map((shape) =>
      readFileSync(trayIconFile(directory, shape, { platform: 'linux', desktop: '', isDark: false }), 'base64'),
    );
    expect(new Set(linux).size).toBe(shapes.length);
  });

  it('of the app are icons Windows can read: each image where the directory says', () => {
    const ico = readFileSync(join(icons, 'icon.ico'));
    const count = ico.readUInt16LE(4);
    const sizes = Array.from({ length: count }, (_, index) => {
      const at = 6 + 16 * index;
      const [bytes, offset] = [ico.readUInt32LE(at + 8), ico.readUInt32LE(at + 12)];
      const size = pngSize(ico.subarray(offset, offset + bytes));
      expect(ico.readUInt8(at)).toBe(size % 256);
      return size;
    });
    expect(sizes).toEqual([16, 20, 24, 32, 40, 48, 64, 128, 256]);
  });
});
