import { describe, expect, it } from 'vitest';
import { hasTray } from '../../../electron/tray-presence.ts';
import type { RunProgram } from '../../../electron/tray-presence.ts';

/** Programs that are installed, with what they print; the others are missing. */
function machineWith(programs: Readonly<Record<string, string>>): { run: RunProgram; started: string[] } {
  const started: string[] = [];
  return {
    started,
    run: (file) => {
      started.push(file);
      const output = programs[file];
      return output === undefined ? Promise.reject(new Error('ENOENT')) : Promise.resolve(output);
    },
  };
}

describe('whether the tray icon would be seen', () => {
  it.each(['win32', 'darwin'] as const)('is certain on %s, and nobody is asked', async (platform) => {
    const { run, started } = machineWith({});
    expect(await hasTray(platform, run)).toBe(true);
    expect(started).toEqual([]);
  });

  it.each([
    [{ busctl: 'b true\n' }, true],
    [{ busctl: 'b false\n', gdbus: '(<true>,)' }, false],
    [{ gdbus: '(<true>,)\n' }, true],
    [{ gdbus: '(<false>,)\n' }, false],
    [{ 'dbus-send': 'method return\n   variant       boolean true\n' }, true],
    [{ 'dbus-send': 'method return\n   variant       boolean false\n' }, false],
  ])('is what the desktop says on Linux: %o', async (programs, expected) => {
    expect(await hasTray('linux', machineWith(programs).run)).toBe(expected);
  });

  it('is no where nobody can be asked, after every way was tried', async () => {
    const { run, started } = machineWith({});
    expect(await hasTray('linux', run)).toBe(false);
    expect(started).toEqual(['busctl', 'gdbus', 'dbus-send']);
  });
});
