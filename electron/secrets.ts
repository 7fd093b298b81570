import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { SecretBox } from '../server/app.types.ts';
import type { SafeStoragePart } from './electron-parts.ts';

/**
 * Secrets at rest. The system's keychain seals one random key; that key seals each secret, so sealing is immediate and the
 * keychain is asked once per start.
 *
 *     key file        what safeStorage made of the key in base64
 *     sealed secret   "ZMD1" | nonce, 12 bytes | AES-256-GCM ciphertext | tag, 16 bytes
 */
const magic = Buffer.from('ZMD1', 'latin1');
const nonceBytes = 12;
const tagBytes = 16;
const keyBytes = 32;
const algorithm = 'aes-256-gcm';

export type SecretErrorCode = 'KEYCHAIN_UNAVAILABLE' | 'SECRET_KEY_UNREADABLE' | 'SECRET_SEALED_ELSEWHERE';

/** A secret that cannot be sealed or opened here; the message never contains it. */
export class SecretError extends Error {
  readonly code: SecretErrorCode;

  constructor(code: SecretErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'SecretError';
    this.code = code;
  }
}

/** The keychain's box, or why there is none; without one the mirror keeps its own key file. */
export type SecretBoxResult =
  { readonly kind: 'keychain'; readonly box: SecretBox } | { readonly kind: 'unavailable'; readonly reason: string };

export interface SecretBoxOptions {
  readonly safeStorage: SafeStoragePart;
  readonly platform: NodeJS.Platform;
  /** Where the sealed key is kept. */
  readonly keyFile: string;
}

/**
 * The box sealed by the system's keychain. Where the system has none, or only pretends (Linux without a password manager
 * would use a password everybody knows), it says so. Once secrets were sealed by the keychain, its absence is an error
 * instead: falling back silently would look as if the accounts had been forgotten.
 * @throws SecretError (KEYCHAIN_UNAVAILABLE, SECRET_KEY_UNREADABLE)
 */
export async function openSecretBox(options: SecretBoxOptions): Promise<SecretBoxResult> {
  const sealedKey = await readIfThere(options.keyFile);
  const obstacle = await keychainObstacle(options);
  if (obstacle !== undefined) {
    if (sealedKey === undefined) return { kind: 'unavailable', reason: obstacle };
    throw new SecretError(
      'KEYCHAIN_UNAVAILABLE',
      `The accounts' passwords were sealed by this system's keychain, and ${obstacle}. Unlock or start the keychain and try ` +
        `again, or remove ${options.keyFile} and enter the passwords anew.`,
    );
  }
  const key = sealedKey === undefined ? await createKey(options) : await openKey(sealedKey, options);
  return { kind: 'keychain', box: keyedBox(key) };
}

/** A box over one 32-byte key. `open` throws SecretError (SECRET_SEALED_ELSEWHERE) for what this key did not seal. */
export function keyedBox(key: Buffer): SecretBox {
  return {
    seal: (secret) => {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes }).setAAD(magic);
      const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
      return Buffer.concat([magic, nonce, sealed, cipher.getAuthTag()]);
    },
    open: (sealed) => {
      const start = magic.length + nonceBytes;
      if (sealed.length < start + tagBytes || !sealed.subarray(0, magic.length).equals(magic)) throw sealedElsewhere();
      try {
        const nonce = sealed.subarray(magic.length, start);
        const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes }).setAAD(magic);
        decipher.setAuthTag(sealed.subarray(-tagBytes));
        return Buffer.concat([decipher.update(sealed.subarray(start, -tagBytes)), decipher.final()]).toString('utf8');
      } catch (error) {
        throw sealedElsewhere(error);
      }
    },
  };
}

/** The sealed key's place in the app's own folder. */
export function secretKeyFile(userDataDirectory: string): string {
  return join(userDataDirectory, 'secret-key.sealed');
}

async function keychainObstacle({ safeStorage, platform }: SecretBoxOptions): Promise<string | undefined> {
  if (platform === 'linux') {
    // first: asking further would wait for a password manager that is not there
    const backend = safeStorage.getSelectedStorageBackend();
    if (backend === 'basic_text' || backend === 'unknown') return 'this desktop has no password manager';
  }
  const isAvailable = await safeStorage.isAsyncEncryptionAvailable();
  return isAvailable ? undefined : 'this system offers no keychain to the app now';
}

async function createKey(options: SecretBoxOptions): Promise<Buffer> {
  const key = randomBytes(keyBytes);
  await writeKey(key, options);
  return key;
}

async function openKey(sealedKey: Buffer, options: SecretBoxOptions): Promise<Buffer> {
  const { result, shouldReEncrypt } = await options.safeStorage
    .decryptStringAsync(sealedKey)
    .catch((error: unknown) => {
      throw unreadableKey(options, error);
    });
  const key = Buffer.from(result, 'base64');
  if (key.length !== keyBytes) throw unreadableKey(options);
  if (shouldReEncrypt) await writeKey(key, options);
  return key;
}

/** The rename is the commit: a crash leaves the old key or none, never half of one. */
async function writeKey(key: Buffer, { safeStorage, keyFile }: SecretBoxOptions): Promise<void> {
  const sealed = await safeStorage.encryptStringAsync(key.toString('base64'));
  await mkdir(dirname(keyFile), { recursive: true });
  const temporary = `${keyFile}.new`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(sealed);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, keyFile);
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function unreadableKey({ keyFile }: SecretBoxOptions, cause?: unknown): SecretError {
  return new SecretError(
    'SECRET_KEY_UNREADABLE',
    `The keychain cannot open ${keyFile}: it was sealed for another user or machine, or is damaged. Bring back the keychain ` +
      `it was made with, or remove the file and enter the accounts' passwords anew.`,
    cause,
  );
}

function sealedElsewhere(cause?: unknown): SecretError {
  return new SecretError(
    'SECRET_SEALED_ELSEWHERE',
    'A password was sealed by another machine, or outside the desktop app, and cannot be opened here. Enter it anew.',
    cause,
  );
}
