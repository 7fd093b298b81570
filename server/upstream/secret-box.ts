import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { ConfigError } from '../errors.ts';

/** Seals secrets for the database: the OS keychain through Electron, else a key file only its owner can read. */
export interface SecretBox {
  seal(secret: string): Buffer;
  /** @throws when the seal is not this box's or was changed */
  open(sealed: Buffer): string;
}

const keyBytes = 32;
const ivBytes = 12;
const tagBytes = 16;

/**
 * AES-256-GCM under a key file (mode 0600) that is made at first use: `iv ‖ tag ‖ ciphertext`.
 * @throws ConfigError when the key file is there and is not a key
 */
export function keyFileBox(path: string): SecretBox {
  let known: Buffer | undefined;
  const key = (): Buffer => (known ??= readOrMakeKey(path));
  return {
    seal: (secret) => {
      const iv = randomBytes(ivBytes);
      const cipher = createCipheriv('aes-256-gcm', key(), iv);
      const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
      return Buffer.concat([iv, cipher.getAuthTag(), sealed]);
    },
    open: (sealed) => {
      const decipher = createDecipheriv('aes-256-gcm', key(), sealed.subarray(0, ivBytes));
      decipher.setAuthTag(sealed.subarray(ivBytes, ivBytes + tagBytes));
      return Buffer.concat([decipher.update(sealed.subarray(ivBytes + tagBytes)), decipher.final()]).toString('utf8');
    },
  };
}

function readOrMakeKey(path: string): Buffer {
  if (!existsSync(path)) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, randomBytes(keyBytes), { mode: 0o600, flag: 'wx' });
  }
  const key = readFileSync(path);
  if (key.length !== keyBytes)
    throw new ConfigError(
      [
        `${path} is not a key of this product; without it the stored passwords can't be read: delete it and enter them again`,
      ],
      { value: path },
    );
  chmodSync(path, 0o600);
  return key;
}
