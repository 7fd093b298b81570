import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { inTransaction } from '../db/database.ts';
import type { Database } from '../db/database.ts';
import { ConfigError } from '../errors.ts';
import { fingerprintOf, makeKeyPair, signerOf } from './signing.ts';

/** A public key of this mirror. */
export interface IdentityKey {
  /** SHA-256 of its DER form, in hex. */
  readonly fingerprint: string;
  /** 32 bytes in base64. */
  readonly publicKey: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Since when it signs nothing more; undefined for the one in use. */
  readonly retiredAt?: number | undefined;
}

/** The mirror's key pair: what it signs with proves that it was this mirror. */
export interface Identity extends IdentityKey {
  /** PEM (PKCS #8). */
  readonly privateKey: string;
}

interface KeyRow {
  readonly fingerprint: string;
  readonly public_key: string;
  readonly created_at: number;
  readonly retired_at: number | null;
}

/**
 * The key in the file at `path` (PEM, mode 0600), made at first use; the database remembers every public key there was.
 * @param now milliseconds since the epoch
 * @throws ConfigError (CONFIG_INVALID) when the file is there and is not such a key
 */
export function openIdentity(db: Database, path: string, now: number): Identity {
  if (!existsSync(path)) writeFileSync(path, makeKeyPair().privateKey, { mode: 0o600, flag: 'wx', flush: true });
  chmodSync(path, 0o600);
  const privateKey = readFileSync(path, 'utf8');
  const publicKey = publicKeyIn(path, privateKey);
  const fingerprint = fingerprintOf(publicKey);
  inTransaction(db, () => {
    db.prepare('UPDATE identity_keys SET retired_at = ? WHERE retired_at IS NULL AND fingerprint <> ?').run(
      now,
      fingerprint,
    );
    db.prepare(
      `INSERT INTO identity_keys (fingerprint, public_key, created_at) VALUES (?, ?, ?)
       ON CONFLICT (fingerprint) DO UPDATE SET retired_at = NULL`,
    ).run(fingerprint, publicKey, now);
  });
  const createdAt = identityKeys(db).find((key) => key.fingerprint === fingerprint)?.createdAt ?? now;
  return { privateKey, publicKey, fingerprint, createdAt };
}

/** All public keys this mirror ever signed with, the newest first. */
export function identityKeys(db: Database): IdentityKey[] {
  return db
    .prepare<[], KeyRow>('SELECT * FROM identity_keys ORDER BY created_at DESC')
    .all()
    .map((row) => ({
      fingerprint: row.fingerprint,
      publicKey: row.public_key,
      createdAt: row.created_at,
      ...(row.retired_at === null ? {} : { retiredAt: row.retired_at }),
    }));
}

function publicKeyIn(path: string, privateKey: string): string {
  try {
    return signerOf(privateKey).publicKey;
  } catch (error) {
    throw new ConfigError(
      [
        `${path} is not a private key of Ed25519 in PEM; put back the one from your backup, or remove it and a new one is made`,
      ],
      { value: path, cause: error },
    );
  }
}
