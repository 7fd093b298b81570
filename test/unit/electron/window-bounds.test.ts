import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openingPlace, placeFile, readPlace, rememberPlace } from '../../../electron/window-bounds.ts';

const left = { x: 0, y: 0, width: 1920, height: 1040 };
const right = { x: 1920, y: 0, width: 1280, height: 984 };

function place(x: number, y: number, width = 1000, height = 700) {
  return { bounds: { x, y, width, height }, isMaximized: false };
}

describe('the place to open the window', () => {
  it('is centred and of usual size at first', () => {
    expect(openingPlace(undefined, [left])).toEqual({ width: 1180, height: 800, isMaximized: false });
  });

  it('fits a small display', () => {
    expect(openingPlace(undefined, [{ x: 0, y: 0, width: 1024, height: 600 }])).toMatchObject({
      width: 1024,
      height: 600,
    });
  });

  it('is where it was, on the second display too', () => {
    expect(openingPlace(place(2000, 50), [left, right])).toEqual({
      x: 2000,
      y: 50,
      width: 1000,
      height: 700,
      isMaximized: false,
    });
  });

  it('is centred when the display it was on is gone', () => {
    expect(openingPlace(place(2000, 50), [left])).toEqual({ width: 1000, height: 700, isMaximized: false });
  });

  it('is centred when the title bar could not be caught', () => {
    const unreachable = [place(100, -300), place(100, 1030), place(1900, 50), place(-950, 50)];
    expect(unreachable.map((each) => 'x' in openingPlace(each, [left]))).toEqual([false, false, false, false]);
  });

  it('is never smaller than every page needs', () => {
    expect(openingPlace(place(0, 0, 10, 10), [left])).toMatchObject({ width: 480, height: 360 });
  });
});

describe('the remembered place', () => {
  let file: string;
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'bounds-'));
    file = placeFile(directory);
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it('is read as it was written', () => {
    rememberPlace(file, { ...place(1, 2), isMaximized: true });
    expect(readPlace(file)).toEqual({ ...place(1, 2), isMaximized: true });
  });

  it.each([
    '',
    '{',
    'null',
    '{"bounds":{"x":1,"y":2,"width":"3","height":4},"isMaximized":false}',
    '{"bounds":{"x":1e99,"y":2,"width":3,"height":4},"isMaximized":false}',
  ])('is forgotten when the file holds %j', (content) => {
    writeFileSync(file, content);
    expect(readPlace(file)).toBeUndefined();
  });

  it('is given up quietly where nothing can be written', () => {
    writeFileSync(join(directory, 'file'), '');
    rememberPlace(join(directory, 'file', 'window.json'), place(1, 2));
    expect(readPlace(join(directory, 'file', 'window.json'))).toBeUndefined();
  });
});
