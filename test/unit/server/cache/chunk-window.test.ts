import { expect, it } from 'vitest';
import { ChunkWindow } from '../../../../server/cache/chunk-window.ts';

function counted() {
  const lease = { held: 0, retain: () => void (lease.held += 1), release: () => void (lease.held -= 1) };
  return lease;
}

function filled(): ChunkWindow {
  const window = new ChunkWindow(100);
  for (const text of ['abc', 'defg', 'h']) window.push(Buffer.from(text));
  return window;
}

it.each([
  [99, undefined],
  [100, 'abc'],
  [102, 'c'],
  [103, 'defg'],
  [106, 'g'],
  [107, 'h'],
  [108, undefined],
])('has at %i the rest of the piece there: %s', (position, expected) => {
  expect(filled().at(position)?.bytes.toString()).toBe(expected);
});

it('gives a writer whole pieces, and a hash every byte, from a position on', () => {
  const window = filled();
  expect(window.from(103).map(String)).toEqual(['defg', 'h']);
  expect(window.after(104).map(String)).toEqual(['efg', 'h']);
  expect(window.after(108)).toEqual([]);
});

it('drops whole pieces that nobody needs, oldest first, and keeps what it is told to keep', () => {
  const window = filled();
  window.drop(105, 0);
  expect([window.start, window.end, window.sizeBytes]).toEqual([103, 108, 5]);
  window.drop(108, 2);
  expect([window.start, window.sizeBytes]).toEqual([107, 1]);
  window.drop(108, 0);
  expect([window.start, window.end, window.sizeBytes]).toEqual([108, 108, 0]);
});

it('retains the memory of a piece as long as it holds the piece', () => {
  const window = new ChunkWindow(0);
  const lease = counted();
  window.push(Buffer.from('abc'), lease);
  expect(lease.held).toBe(1);
  window.drop(3, 0);
  expect(lease.held).toBe(0);
});
