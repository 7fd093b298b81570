import { describe, expect, test } from 'vitest';
import { RequestError } from '../../../../server/errors.ts';
import {
  formatArtifactName,
  formatReference,
  isRepositoryName,
  isTag,
  parseArtifactName,
  parseReference,
  parseRepositoryName,
} from '../../../../server/oci/reference.ts';
import { throwsWith } from '../../../support/expect-code.ts';

const digest = `sha256:${'ab'.repeat(32)}` as const;

describe('repository names', () => {
  test.each([
    'a',
    'library/alpine',
    'acme/zhi-config-x',
    'a.b_c__d--e/f0',
    '0/1',
    'ghcr.io/org/app',
    'a---b',
    'a'.repeat(255),
  ])('%s is one', (name) => {
    expect(isRepositoryName(name)).toBe(true);
    expect(parseRepositoryName(name)).toBe(name);
  });

  test.each([
    ['nothing', ''],
    ['a slash in front', '/a'],
    ['a slash behind', 'a/'],
    ['an empty segment', 'a//b'],
    ['an upper-case letter', 'Acme/app'],
    ['a step up', '../etc/passwd'],
    ['a step up inside', 'a/../b'],
    ['a dot segment', 'a/./b'],
    ['two dots in a row', 'a..b'],
    ['three underscores', 'a___b'],
    ['a separator in front', '-a'],
    ['a separator behind', 'a-'],
    ['a space', 'a b'],
    ['a percent sign', 'a%2fb'],
    ['a backslash', 'a\\b'],
    ['a NUL', 'a\0b'],
    ['a line break behind', 'a\n'],
    ['letters outside ASCII', 'zoë/app'],
    ['256 characters', 'a'.repeat(256)],
    ['a tag', 'acme/app:v1'],
    ['a host with a port and nothing else', '127.0.0.1:5000'],
    ['a host with a port and an empty name', '127.0.0.1:5000/'],
    ['a host with a port and a bad name', '127.0.0.1:5000/Acme'],
    ['a port in a later segment', 'acme/up.test:5000/app'],
    ['a port of six digits', 'up.test:500000/app'],
    ['a port that is a word', 'up.test:http/app'],
  ])('refuses %s', (_, name) => {
    expect(isRepositoryName(name)).toBe(false);
    throwsWith(() => parseRepositoryName(name), RequestError, 'NAME_INVALID');
  });

  test.each(['127.0.0.1:5000/app', 'up.test:5000/acme/app', 'localhost:1/a', '[::1]:5000/app'])(
    '%s is accepted with the upstream’s port in front',
    (name) => {
      expect(parseRepositoryName(name)).toBe(name);
      expect(isRepositoryName(name)).toBe(false);
    },
  );

  test('does not repeat a whole long name in the error', () => {
    const error = throwsWith(() => parseRepositoryName('A'.repeat(10_000)), RequestError, 'NAME_INVALID');
    expect(error.value).toHaveLength(300);
  });

  test('answers at once to a name made to make a pattern backtrack', { timeout: 2000 }, () => {
    expect(isRepositoryName(`${'a-'.repeat(126)}-!`)).toBe(false);
    expect(isRepositoryName(`${'a/'.repeat(126)}/`)).toBe(false);
  });
});

describe('references', () => {
  test.each(['latest', 'v1.0.0', '_x', 'A-b_c.d', '1', 'x'.repeat(128), 'sha256-abc.sig'])('%s is a tag', (tag) => {
    expect(isTag(tag)).toBe(true);
    expect(parseReference(tag)).toEqual({ kind: 'tag', tag });
    expect(formatReference(parseReference(tag))).toBe(tag);
  });

  test('a digest is a digest', () => {
    expect(parseReference(digest)).toEqual({ kind: 'digest', digest });
    expect(formatReference(parseReference(digest))).toBe(digest);
  });

  test.each(['', '.hidden', '-x', 'a/b', 'a b', 'x'.repeat(129), 'ä', '..', 'a\n'])('%j is no tag', (tag) => {
    expect(isTag(tag)).toBe(false);
    throwsWith(() => parseReference(tag), RequestError, 'TAG_INVALID');
  });

  test.each(['sha256:abc', 'sha256:', 'a:b', ':', 'md5:d41d8cd98f00b204e9800998ecf8427e'])(
    '%s has a colon and must be a digest',
    (text) => {
      throwsWith(() => parseReference(text), RequestError, 'DIGEST_INVALID');
    },
  );
});

describe('artifact names', () => {
  test.each([
    ['acme/app', 'acme/app', { kind: 'tag', tag: 'latest' }],
    ['acme/app:v1', 'acme/app', { kind: 'tag', tag: 'v1' }],
    [`acme/app@${digest}`, 'acme/app', { kind: 'digest', digest }],
    [`acme/app:v1@${digest}`, 'acme/app', { kind: 'digest', digest }],
    ['127.0.0.1:5000/acme/app', '127.0.0.1:5000/acme/app', { kind: 'tag', tag: 'latest' }],
    ['127.0.0.1:5000/acme/app:v1', '127.0.0.1:5000/acme/app', { kind: 'tag', tag: 'v1' }],
    [`up.test:5000/app@${digest}`, 'up.test:5000/app', { kind: 'digest', digest }],
    ['oci://ghcr.io/org/app:1', 'ghcr.io/org/app', { kind: 'tag', tag: '1' }],
    ['docker://alpine', 'alpine', { kind: 'tag', tag: 'latest' }],
  ])('reads %s', (text, repository, reference) => {
    expect(parseArtifactName(text)).toEqual({ repository, reference });
  });

  test.each([
    ['', 'NAME_INVALID'],
    ['Acme/app:v1', 'NAME_INVALID'],
    ['https://ghcr.io/org/app', 'NAME_INVALID'],
    ['acme/app:', 'TAG_INVALID'],
    ['acme/app:a b', 'TAG_INVALID'],
    ['acme/app@v1', 'DIGEST_INVALID'],
    ['acme/app@', 'DIGEST_INVALID'],
    ['acme/app@sha256:abc', 'DIGEST_INVALID'],
  ] as const)('refuses %j with %s', (text, code) => {
    throwsWith(() => parseArtifactName(text), RequestError, code);
  });

  test.each(['acme/app:v1', `acme/app@${digest}`, '127.0.0.1:5000/app:v1'])('%s is written as it was read', (text) => {
    const { repository, reference } = parseArtifactName(text);
    expect(formatArtifactName(repository, formatReference(reference))).toBe(text);
  });
});
