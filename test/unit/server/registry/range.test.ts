import { expect, it } from 'vitest';
import { RequestError } from '../../../../server/errors.ts';
import { matchesEtag, parseRange } from '../../../../server/registry/range.ts';
import { throwsWith } from '../../../support/expect-code.ts';

it.each([
  ['bytes=0-', { start: 0, end: 10 }],
  ['bytes=3-5', { start: 3, end: 6 }],
  ['bytes=9-9', { start: 9, end: 10 }],
  ['bytes=5-99', { start: 5, end: 10 }],
  ['bytes=-3', { start: 7, end: 10 }],
  ['bytes=-99', { start: 0, end: 10 }],
  [undefined, undefined],
  ['bytes=-', undefined],
  ['bytes=5-3', undefined],
  ['bytes=1-2,4-5', undefined],
  ['lines=1-2', undefined],
])('%s of ten bytes is %o', (header, expected) => {
  expect(parseRange(header, 10)).toEqual(expected);
});

it.each([
  ['bytes=10-', 10],
  ['bytes=10-12', 10],
  ['bytes=-0', 10],
  ['bytes=0-', 0],
])('%s of %i bytes lies outside', (header, size) => {
  throwsWith(() => parseRange(header, size), RequestError, 'RANGE_INVALID');
});

it.each([
  ['"a"', true],
  ['W/"a"', true],
  ['"b", "a"', true],
  ['*', true],
  ['"b"', false],
  ['a', false],
  [undefined, false],
])('If-None-Match %s matches "a": %s', (header, expected) => {
  expect(matchesEtag(header, '"a"')).toBe(expected);
});
