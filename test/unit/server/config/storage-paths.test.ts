import { describe, expect, it } from 'vitest';
import { load, problemsOf } from './loading.ts';

function listed(...paths: readonly (readonly [string, string])[]): string {
  return paths.map(([prefix, directory]) => `  - { prefix: "${prefix}", directory: "${directory}" }\n`).join('');
}

describe('storagePaths', () => {
  it("are relative to the settings file's folder, and may share a directory", () => {
    const yaml = `dataDirectory: /data\nstoragePaths:\n${listed(['infra', 'big'], ['ghcr.io/acme', 'big'], ['infra/x', '~/x'])}`;
    expect(load({ yaml }).storagePaths).toEqual([
      { prefix: 'infra', directory: '/etc/zhi/big' },
      { prefix: 'ghcr.io/acme', directory: '/etc/zhi/big' },
      { prefix: 'infra/x', directory: '/home/ann/x' },
    ]);
  });

  it.each<[string, readonly (readonly [string, string])[], string[]]>([
    [
      'a prefix twice',
      [
        ['a', '/a'],
        ['a', '/b'],
      ],
      ['storagePaths[1].prefix'],
    ],
    ['the data directory', [['a', '/data']], ['storagePaths[0].directory']],
    ['within the data directory', [['a', '/data/a']], ['storagePaths[0].directory']],
    ['around the data directory', [['a', '/']], ['storagePaths[0].directory']],
    ['within the storage directory', [['a', '/content/a']], ['storagePaths[0].directory']],
    [
      'one within another',
      [
        ['a', '/a'],
        ['b', '/a/b'],
      ],
      ['storagePaths[1].directory'],
    ],
    ['a prefix with a slash at its end', [['a/', '/a']], ['storagePaths[0].prefix']],
    ['a prefix that no repository has', [['Infra', '/a']], ['storagePaths[0].prefix']],
    ['an empty directory', [['a', '']], ['storagePaths[0].directory']],
    [
      'a directory beside one of a like name',
      [
        ['a', '/data-2'],
        ['b', '/data-22'],
      ],
      [],
    ],
  ])('%s', (_, paths, names) => {
    const problems = problemsOf({
      yaml: `dataDirectory: /data\nstorageDirectory: /content\nstoragePaths:\n${listed(...paths)}`,
    });
    expect(problems.map((problem) => /: (storagePaths\S*)/.exec(problem)?.[1])).toEqual(names);
  });
});
