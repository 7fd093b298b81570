import { expect, it } from 'vitest';
import { nearest } from '../../../../server/lib/nearest.ts';

it.each([
  ['lisen', 'listen'],
  ['litsen', 'listen'],
  ['LISTEN', 'listen'],
  ['upstream-regsitry', 'upstream-registry'],
  ['tls-crt', 'tls-cert'],
  ['frobnicate', undefined],
  ['', undefined],
])('guesses what %j means', (word, expected) => {
  expect(nearest(word, ['listen', 'upstream-registry', 'tls-cert', 'tls-key'])).toBe(expected);
});
