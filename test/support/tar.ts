import { concatContent, contentOf } from './content.ts';
import type { Content } from './content.ts';

/** One regular file of a tar archive. */
export interface TarFile {
  readonly name: string;
  readonly content: Content | string;
  readonly mode?: number;
}

/** A ustar archive with every time and owner 0, so equal files give equal bytes; large contents are not held. */
export function tar(files: readonly TarFile[]): Content {
  const parts = files.flatMap((file) => {
    const content = typeof file.content === 'string' ? contentOf(file.content) : file.content;
    const padding = (512 - (content.size % 512)) % 512;
    return [contentOf(header(file.name, content.size, file.mode ?? 0o644)), content, contentOf(Buffer.alloc(padding))];
  });
  return concatContent([...parts, contentOf(Buffer.alloc(1024))]);
}

function header(name: string, size: number, mode: number): Buffer {
  const block = Buffer.alloc(512);
  const octal = (value: number, at: number, length: number): void => {
    block.write(value.toString(8).padStart(length - 1, '0'), at, 'ascii');
  };
  if (block.write(name, 0, 100, 'utf8') < Buffer.byteLength(name))
    throw new Error(`name too long for a test archive: ${name}`);
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  block.write('        ', 148, 'ascii');
  block.write('0', 156, 'ascii');
  block.write('ustar\u000000', 257, 'ascii');
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  return block;
}
