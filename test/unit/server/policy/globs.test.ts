import { describe, expect, it } from 'vitest';
import { compileArtifactGlob } from '../../../../server/policy/globs.ts';

const digest = `sha256:${'a'.repeat(64)}`;

describe('a pattern over registry/repository:tag', () => {
  it.each([
    // the seed's own line: one star and a slash at the beginning are any registry and any publisher
    ['*/zhi-*-deprecated:*', 'ghcr.io/acme/zhi-config-deprecated', ['v1'], true],
    ['*/zhi-*-deprecated:*', 'acme/zhi-config-deprecated', ['v1'], true],
    ['*/zhi-*-deprecated:*', 'ghcr.io/acme/team/zhi-config-deprecated', ['v1'], true],
    ['*/zhi-*-deprecated:*', 'ghcr.io/acme/zhi-config-deprecated', [], true],
    ['*/zhi-*-deprecated:*', 'ghcr.io/acme/zhi-config', ['v1'], false],
    ['*/zhi-*-deprecated:*', 'ghcr.io/acme/zhi-config-deprecated/more', ['v1'], false],
    ['*/zhi-*-deprecated:*', 'ghcr.io/acme/my-zhi-config-deprecated', ['v1'], false],
    // one star elsewhere is one segment
    ['ghcr.io/*/app', 'ghcr.io/acme/app', ['v1'], true],
    ['ghcr.io/*/app', 'ghcr.io/acme/team/app', ['v1'], false],
    ['ghcr.io/**', 'ghcr.io/acme/team/app', ['v1'], true],
    ['ghcr.io/**/app', 'ghcr.io/app', ['v1'], true],
    ['**', 'anything', [], true],
    // a name is exact
    ['ghcr.io/acme/app', 'ghcr.io/acme/app', ['v1'], true],
    ['ghcr.io/acme/app', 'ghcr.io/acme/app2', ['v1'], false],
    ['ghcr.io/acme/app', 'xghcr.io/acme/app', ['v1'], false],
    // tags
    ['ghcr.io/acme/app:v1', 'ghcr.io/acme/app', ['v1'], true],
    ['ghcr.io/acme/app:v1', 'ghcr.io/acme/app', ['v2', 'v1'], true],
    ['ghcr.io/acme/app:v1', 'ghcr.io/acme/app', ['v10'], false],
    ['ghcr.io/acme/app:v1', 'ghcr.io/acme/app', [], false],
    ['ghcr.io/acme/app:v1.*', 'ghcr.io/acme/app', ['v1.2'], true],
    ['**:latest', 'team/app', ['latest'], true],
    ['**:latest', 'team/app', ['latest2'], false],
    // a host's port is no tag
    ['registry.test:5000/app', 'registry.test:5000/app', ['v1'], true],
    ['registry.test:5000/app:v1', 'registry.test:5000/app', ['v2'], false],
    // names that begin with a dot or an exclamation mark are names
    ['!ghcr.io/**', 'ghcr.io/acme/app', [], false],
  ] as const)('%s on %s with tags %j is %s', (pattern, name, tags, expected) => {
    expect(compileArtifactGlob(pattern).matches(name, tags, undefined)).toBe(expected);
  });

  it('by digest is about that digest alone', () => {
    const glob = compileArtifactGlob(`*/app@${digest}`);

    expect([
      glob.matches('ghcr.io/acme/app', ['v1'], digest),
      glob.matches('ghcr.io/acme/app', ['v1'], undefined),
      glob.matches('ghcr.io/acme/app', ['v1'], digest.replace('a', 'b')),
      glob.matches('ghcr.io/acme/other', ['v1'], digest),
    ]).toEqual([true, false, false, false]);
  });

  it('answers the same however many names were asked in between', () => {
    const glob = compileArtifactGlob('ghcr.io/*/app');
    const first = glob.matches('ghcr.io/acme/app', [], undefined);
    for (let name = 0; name < 5000; name += 1) glob.matches(`ghcr.io/p${String(name)}/other`, [], undefined);

    expect([first, glob.matches('ghcr.io/acme/app', [], undefined)]).toEqual([true, true]);
  });
});
