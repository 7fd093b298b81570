import { describe, expect, it } from 'vitest';
import { parseChallenges } from '../../../../server/upstream/challenge.ts';

describe('parseChallenges', () => {
  it.each([
    [
      "Docker Hub's",
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull"',
      [
        {
          scheme: 'bearer',
          parameters: {
            realm: 'https://auth.docker.io/token',
            service: 'registry.docker.io',
            scope: 'repository:library/nginx:pull',
          },
        },
      ],
    ],
    [
      'one with commas inside quotes',
      'Bearer realm="https://a.test/t?x=1,2",scope="repository:a:pull,push"',
      [{ scheme: 'bearer', parameters: { realm: 'https://a.test/t?x=1,2', scope: 'repository:a:pull,push' } }],
    ],
    [
      'one with spaces around everything',
      ' BEARER  realm = "r" , service = s ',
      [{ scheme: 'bearer', parameters: { realm: 'r', service: 's' } }],
    ],
    ['one with escapes', 'Basic realm="a \\"b\\" \\\\ c"', [{ scheme: 'basic', parameters: { realm: 'a "b" \\ c' } }]],
    [
      'several in one header',
      'Negotiate, Basic realm="x", Bearer realm="y",service="z"',
      [
        { scheme: 'negotiate', parameters: {} },
        { scheme: 'basic', parameters: { realm: 'x' } },
        { scheme: 'bearer', parameters: { realm: 'y', service: 'z' } },
      ],
    ],
    [
      'one with token68',
      'Negotiate YII+/=, Basic realm="x"',
      [
        { scheme: 'negotiate', parameters: {} },
        { scheme: 'basic', parameters: { realm: 'x' } },
      ],
    ],
    ['one without parameters', 'Basic', [{ scheme: 'basic', parameters: {} }]],
    [
      'one that repeats a name: the first counts',
      'Bearer realm="a", realm="b"',
      [{ scheme: 'bearer', parameters: { realm: 'a' } }],
    ],
    ['one whose quote never ends', 'Bearer realm="a', [{ scheme: 'bearer', parameters: {} }]],
    [
      'one with prototype names',
      'Bearer __proto__="a"',
      [{ scheme: 'bearer', parameters: Object.fromEntries([['__proto__', 'a']]) }],
    ],
    ['empty ones', ' , ', []],
    ['nonsense', '"', []],
  ])('reads %s', (_, header, expected) => {
    expect(
      parseChallenges(header).map(({ scheme, parameters }) => ({ scheme, parameters: Object.entries(parameters) })),
    ).toEqual(expected.map(({ scheme, parameters }) => ({ scheme, parameters: Object.entries(parameters) })));
  });

  it('ends in time for a hostile header', () => {
    const challenges = parseChallenges(`Bearer ${'a=b,'.repeat(20_000)} x="${'\\'.repeat(100_000)}`);
    expect(challenges[0]?.parameters).toEqual(Object.assign(Object.create(null), { a: 'b' }));
  });
});
