/**
 * An ICO file holding PNG images, as Windows reads since Vista.
 *
 *     header     0 | 1 (icon) | count                                        3 × 16 bit, little endian
 *     directory  width | height | 0 | 0 | planes 1 | bits 32 | bytes | offset   16 bytes per image; 256 is written as 0
 *     images     the PNG files
 *
 * @throws RangeError when an image is not a square PNG of at most 256 pixels
 */
export function icoFile(images: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(6);
  header.writeUInt16LE(1, 2);
  header.writeUInt16LE(images.length, 4);
  const directory = Buffer.alloc(16 * images.length);
  let offset = header.length + directory.length;
  images.forEach((image, index) => {
    const size = pngSize(image);
    const at = 16 * index;
    directory.writeUInt8(size % 256, at);
    directory.writeUInt8(size % 256, at + 1);
    directory.writeUInt16LE(1, at + 4);
    directory.writeUInt16LE(32, at + 6);
    directory.writeUInt32LE(image.length, at + 8);
    directory.writeUInt32LE(offset, at + 12);
    offset += image.length;
  });
  return Buffer.concat([header, directory, ...images]);
}

/** Width and height of a square PNG, from its IHDR chunk, which is always the first. */
export function pngSize(image: Buffer): number {
  const isPng = image.length >= 24 && image.readUInt32BE(0) === 0x89504e47;
  if (!isPng) throw new RangeError('Not a PNG image.');
  const width = image.readUInt32BE(16);
  if (width !== image.readUInt32BE(20) || width > 256) throw new RangeError('Not a square of at most 256 pixels.');
  return width;
}
