import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSecretBox, secretKeyFile } from '../../../electron/secrets.ts';
import type { SecretBox } from '../../../server/app.types.ts';
import { FakeSafeStorage } from './electron-double.ts';

const secret = 'dckr_pat_ñ·🔑';

let directory: string;
let safeStorage: FakeSafeStorage;
let platform: NodeJS.Platform;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'secrets-'));
  safeStorage = new FakeSafeStorage();
  platform = 'linux';
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

function open() {
  return openSecretBox({ safeStorage, platform, keyFile: secretKeyFile(join(directory, 'app')) });
}

async function openBox(): Promise<SecretBox> {
  const result = await open();
  return result.kind === 'keychain' ? result.box : expect.unreachable(result.reason);
}

describe('a sealed secret', () => {
  it('is opened again, after a new start too', async () => {
    const sealed = (await openBox()).seal(secret);
    expect((await openBox()).open(sealed)).toBe(secret);
  });

  it('does not show the secret, and never looks the same twice', async () => {
    const box = await openBox();
    const sealed = [box.seal(secret), box.seal(secret)] as const;
    expect(sealed[0].includes(Buffer.from('dckr_pat'))).toBe(false);
    expect(sealed[0].equals(sealed[1])).toBe(false);
  });

  it('may be empty', async () => {
    const box = await openBox();
    expect(box.open(box.seal(''))).toBe('');
  });

  it.each([0, 4, 16, -1])('is refused when byte %i was changed, without the secret in the message', async (at) => {
    const box = await openBox();
    const sealed = box.seal(secret);
    const index = at < 0 ? sealed.length + at : at;
    sealed[index] = sealed[index]! ^ 1;
    const opening = (): string => box.open(sealed);
    expect(opening).toThrow(expect.objectContaining({ code: 'SECRET_SEALED_ELSEWHERE' }));
    expect(opening).not.toThrow('dckr_pat');
  });

  it('is refused when it is cut short or came from another key file', async () => {
    const box = await openBox();
    const sealed = box.seal(secret);
    rmSync(join(directory, 'app'), { recursive: true });
    const other = await openBox();
    for (const open of [
      () => other.open(sealed),
      () => box.open(sealed.subarray(0, 20)),
      () => box.open(Buffer.alloc(0)),
    ]) {
      expect(open).toThrow(expect.objectContaining({ code: 'SECRET_SEALED_ELSEWHERE' }));
    }
  });
});

describe('the key', () => {
  it('is kept sealed by the keychain, for the person alone, with nothing left beside it', async () => {
    await openBox();
    const file = secretKeyFile(join(directory, 'app'));
    expect(readdirSync(join(directory, 'app'))).toEqual(['secret-key.sealed']);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8').startsWith('a')).toBe(true);
  });

  it('is sealed anew when the keychain asks for it, and stays the same', async () => {
    const sealed = (await openBox()).seal(secret);
    safeStorage.shouldReEncrypt = true;
    expect((await openBox()).open(sealed)).toBe(secret);
    expect(safeStorage.encryptions).toBe(2);
  });

  it.each(['zsomething', 'aZ29uZQ==', ''])('is not replaced when it cannot be read: %j', async (content) => {
    await openBox();
    const file = secretKeyFile(join(directory, 'app'));
    writeFileSync(file, content);
    await expect(open()).rejects.toMatchObject({ code: 'SECRET_KEY_UNREADABLE' });
    expect(readFileSync(file, 'utf8')).toBe(content);
  });
});

describe('without a keychain', () => {
  it.each([
    ['none is offered', () => (safeStorage.isAvailable = false)],
    ['the desktop only pretends', () => (safeStorage.backend = 'basic_text')],
    ['nobody knows which', () => (safeStorage.backend = 'unknown')],
  ])('says so before anything was sealed, and writes nothing: %s', async (_, lose) => {
    lose();
    expect(await open()).toMatchObject({ kind: 'unavailable' });
    expect(readdirSync(directory)).toEqual([]);
  });

  it('fails once secrets were sealed by one, instead of forgetting them silently', async () => {
    await openBox();
    safeStorage.isAvailable = false;
    await expect(open()).rejects.toMatchObject({ code: 'KEYCHAIN_UNAVAILABLE' });
  });

  it('is judged by the backend on Linux only', async () => {
    safeStorage.backend = 'unknown';
    platform = 'darwin';
    expect(await open()).toMatchObject({ kind: 'keychain' });
  });
});
