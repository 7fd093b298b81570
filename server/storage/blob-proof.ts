import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { algorithmOf, hexOf } from '../oci/digest.ts';
import type { Digest } from '../oci/digest.ts';
import type { Layout } from './layout.ts';
import type { ProofReader } from './proof-reader.ts';
import type { ScrubPace } from './scrub-pace.ts';

/** What is wrong with stored content; in words, because people read them. */
export type Finding = 'missing' | 'wrong size' | 'wrong bytes' | 'unreadable';

/** A file as the system tells it from another one of the same name. */
export interface FileIdentity {
  readonly device: number;
  readonly inode: number;
}

/** What reading a blob again came to. */
export type BlobProof =
  | { readonly outcome: 'right' }
  /** `file` is what was read: nothing may be done to another one that came in its place meanwhile. */
  | { readonly outcome: 'damaged'; readonly finding: Finding; readonly file: FileIdentity | undefined }
  /** The machine is short of something, or forbids it; says nothing of the content. */
  | { readonly outcome: 'unsure'; readonly error: Error };

export interface BlobProofParts {
  readonly layout: Layout;
  readonly reader: ProofReader;
  readonly pace: ScrubPace;
}

/** A medium that gives no bytes for a place in a file. */
const mediumFaults = new Set(['EIO', 'EUCLEAN', 'EBADMSG', 'ENODATA', 'EREMOTEIO']);

/**
 * Reads a blob's file to its end and compares. Where the system has it, past the page cache: the bytes are those on the disk,
 * and what pulls keep warm stays.
 * @throws the signal's reason
 */
export async function proveBlob(
  parts: BlobProofParts,
  blob: { readonly digest: Digest; readonly sizeBytes: number; readonly volume?: number },
  signal: AbortSignal,
): Promise<BlobProof> {
  const path = parts.layout.volumes.of(blob.volume ?? 0).blob(blob.digest);
  let identity: FileIdentity | undefined;
  const file = new ProofFile(path);
  try {
    const stats = await file.open();
    identity = { device: stats.dev, inode: stats.ino };
    if (stats.size !== blob.sizeBytes) return { outcome: 'damaged', finding: 'wrong size', file: identity };
    const hex = await readToEnd(parts, file, blob, signal);
    if (hex === undefined) return { outcome: 'damaged', finding: 'wrong size', file: identity };
    if (hex === hexOf(blob.digest)) return { outcome: 'right' };
    return { outcome: 'damaged', finding: 'wrong bytes', file: identity };
  } catch (error) {
    signal.throwIfAborted();
    return proofOfFailure(error, identity);
  } finally {
    await file.close();
  }
}

function proofOfFailure(error: unknown, file: FileIdentity | undefined): BlobProof {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' && file === undefined) return { outcome: 'damaged', finding: 'missing', file };
  if (mediumFaults.has(code)) return { outcome: 'damaged', finding: 'unreadable', file };
  return { outcome: 'unsure', error: error instanceof Error ? error : new Error(String(error)) };
}

/** The hash; undefined when the file ended early. */
async function readToEnd(
  { reader, pace }: BlobProofParts,
  file: ProofFile,
  { digest, sizeBytes }: { readonly digest: Digest; readonly sizeBytes: number },
  signal: AbortSignal,
): Promise<string | undefined> {
  await reader.start(algorithmOf(digest));
  let position = 0;
  while (position < sizeBytes) {
    const bytes = await file.readOn(reader, position, await pace.next(sizeBytes - position, signal));
    if (bytes === 0) return undefined;
    position += bytes;
  }
  return reader.finish();
}

/** A file being read past the page cache as long as its file system goes along with it (tmpfs and some shares do not). */
class ProofFile {
  readonly #path: string;
  #handle: FileHandle | undefined;
  // O_DIRECT is only there on Linux, whatever its type says
  #isDirect = Number.isInteger(constants.O_DIRECT);

  constructor(path: string) {
    this.#path = path;
  }

  async open() {
    try {
      this.#handle = await open(this.#path, constants.O_RDONLY | (this.#isDirect ? constants.O_DIRECT : 0));
    } catch (error) {
      if (!this.#isDirect || (error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
      this.#isDirect = false;
      this.#handle = await open(this.#path, constants.O_RDONLY);
    }
    return this.#handle.stat();
  }

  async readOn(reader: ProofReader, position: number, length: number): Promise<number> {
    if (this.#handle === undefined) throw new Error('the file is not open');
    try {
      return await reader.read(this.#handle.fd, position, length);
    } catch (error) {
      if (!this.#isDirect || (error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
    }
    await this.close();
    this.#isDirect = false;
    await this.open();
    return reader.read(this.#handle.fd, position, length);
  }

  async close(): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
  }
}
