import { describe, expect, test } from 'vitest';
import { RequestError } from '../../../../server/errors.ts';
import { algorithmOf, digestOf, hexOf, isDigest, parseDigest } from '../../../../server/oci/digest.ts';
import { throwsWith } from '../../../support/expect-code.ts';

const sha256 = `sha256:${'0123456789abcdef'.repeat(4)}`;
const sha512 = `sha512:${'0123456789abcdef'.repeat(8)}`;

describe('parseDigest', () => {
  test.each([sha256, sha512])('reads %s', (text) => {
    expect(parseDigest(text)).toBe(text);
  });

  test.each([
    ['nothing', ''],
    ['a tag', 'v1.0.0'],
    ['an algorithm alone', 'sha256:'],
    ['letters that are not hexadecimal', 'sha256:XYZ'],
    ['too few characters', sha256.slice(0, -1)],
    ['too many characters', `${sha256}0`],
    ['upper-case hexadecimal', `sha256:${'ABCDEF0123456789'.repeat(4)}`],
    ['an upper-case algorithm', sha256.replace('sha', 'SHA')],
    ['the length of another algorithm', sha256.replace('sha256', 'sha512')],
    ['an algorithm that cannot be verified', `md5:${'0'.repeat(32)}`],
    ['a line break after it', `${sha256}\n`],
    ['a path after it', `${sha256}/..`],
    ['two digests', `${sha256},${sha256}`],
    ['escaped characters', sha256.replace(':', '%3A')],
  ])('refuses %s', (_, text) => {
    expect(isDigest(text)).toBe(false);
    expect(throwsWith(() => parseDigest(text), RequestError, 'DIGEST_INVALID').value).toBe(text);
  });
});

describe('digestOf', () => {
  test.each([
    ['', 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ['{}', 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a'],
    ['single-binary', 'sha256:8ed3996fef512a73af08c58f1fa6e19b59a34360b28cb275f2b151b438090197'],
  ])('hashes %j by SHA-256', (text, digest) => {
    expect(digestOf(Buffer.from(text))).toBe(digest);
  });

  test('hashes by SHA-512 when asked, to something it reads itself', () => {
    const digest = digestOf(Buffer.from('abc'), 'sha512');
    expect(digest).toBe(
      'sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    );
    expect(isDigest(digest)).toBe(true);
  });
});

test.each([
  [sha256, 'sha256', sha256.slice(7)],
  [sha512, 'sha512', sha512.slice(7)],
])('takes %s apart', (text, algorithm, hex) => {
  const digest = parseDigest(text);
  expect([algorithmOf(digest), hexOf(digest)]).toEqual([algorithm, hex]);
});
