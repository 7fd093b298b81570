import { describe, expect, it } from 'vitest';
import type { Mirror, MirrorConfig } from '../../../../server/app.types.ts';
import { runMirror } from '../../../../server/cli/serve.ts';
import { loadSettings } from '../../../../server/config/load.ts';
import { ConfigError } from '../../../../server/errors.ts';
import { rejectsWith } from '../../../support/expect-code.ts';
import { fakeIo } from './fake-io.ts';

const { settings } = loadSettings({ flags: {}, env: { HOME: '/nonexistent' }, cwd: '/' });
const config: MirrorConfig = { settings, version: '1.2.3', rendererDirectory: '/window' };

/** A mirror that only counts; what a command does with it is the matter here. */
function fakeMirror(start: () => Promise<void> = () => Promise.resolve()): {
  create: (config: MirrorConfig) => Mirror;
  calls: string[];
} {
  const calls: string[] = [];
  const mirror = {
    adminUrl: 'http://127.0.0.1:5051/',
    mirrorUrl: 'http://127.0.0.1:5050',
    start: () => {
      calls.push('start');
      return start();
    },
    stop: () => {
      calls.push('stop');
      return Promise.resolve();
    },
    status: () => ({ pullExample: 'skopeo inspect docker://127.0.0.1:5050/a/b:1' }),
  };
  return { create: () => mirror as unknown as Mirror, calls };
}

/** Lets everything that can run now run. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('serve', () => {
  it('prints the window, the mirror and a pull command on one line each, and stops at the first signal', async () => {
    const io = fakeIo();
    const { create, calls } = fakeMirror();
    const code = runMirror(create, config, io);
    await settle();
    expect(io.stdout).toEqual([
      'Window: http://127.0.0.1:5051/',
      'Mirror: http://127.0.0.1:5050',
      'Pull:   skopeo inspect docker://127.0.0.1:5050/a/b:1',
    ]);
    expect(calls).toEqual(['start']);
    io.signal('SIGTERM');
    expect(await code).toBe(0);
    expect(calls).toEqual(['start', 'stop']);
    expect(io.exits).toEqual([]);
    expect(io.listeners()).toBe(0);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends at once at a second signal (%s)', async (signal, exitCode) => {
    const io = fakeIo();
    const stopping = Promise.withResolvers<undefined>();
    const { create } = fakeMirror();
    const code = runMirror((given) => ({ ...create(given), stop: () => stopping.promise }), config, io);
    await settle();
    io.signal('SIGINT');
    await settle();
    expect(io.exits).toEqual([]);
    io.signal(signal);
    expect(io.exits).toEqual([exitCode]);
    stopping.resolve(undefined);
    await code;
  });

  it('stops, and announces nothing, when the signal came while it was starting', async () => {
    const io = fakeIo();
    const starting = Promise.withResolvers<undefined>();
    const { create, calls } = fakeMirror(() => starting.promise);
    const code = runMirror(create, config, io);
    io.signal('SIGINT');
    starting.resolve(undefined);
    expect(await code).toBe(0);
    expect(calls).toEqual(['start', 'stop']);
    expect(io.stdout).toEqual([]);
  });

  it('fails with what the start fails with, and listens to no signal afterwards', async () => {
    const io = fakeIo();
    const { create } = fakeMirror(() =>
      Promise.reject(new ConfigError(['port 5050 is in use; 5052 is free'], { code: 'PORT_IN_USE' })),
    );
    await rejectsWith(runMirror(create, config, io), ConfigError, 'PORT_IN_USE');
    expect(io.listeners()).toBe(0);
    expect(io.stdout).toEqual([]);
  });

  it('says so when the window is not built', async () => {
    const io = fakeIo();
    const { rendererDirectory, ...headless } = config;
    expect(rendererDirectory).toBeDefined();
    const code = runMirror(fakeMirror().create, headless, io);
    await settle();
    expect(io.stderr.join()).toContain('The window is not built');
    io.signal('SIGINT');
    await code;
  });
});
