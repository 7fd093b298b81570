import { describe, expect, it } from 'vitest';
import {
  cacheRows,
  isDigestText,
  isExpanded,
  localName,
  outermostTargets,
  repositoryKey,
  targetName,
  targetOf,
  unfoldedRepositories,
} from '../../../../renderer/features/cache/cache-tree.ts';
import type { CacheRow, LoadedContent } from '../../../../renderer/features/cache/cache-tree.ts';
import { prettyManifest } from '../../../../renderer/features/cache/pretty-manifest.ts';
import { manifestsFixture, repositoriesFixture, tagsFixture } from '../../../e2e/support/fixtures.ts';

const repositories = repositoriesFixture(0);
const web = repositories.find(({ name }) => name === 'ghcr.io/acme/web')!;
const nothing = new Map<string, LoadedContent>();
const content = {
  repository: web,
  tags: tagsFixture(0, web),
  untagged: manifestsFixture(0, web, 'image', 2),
  artifacts: manifestsFixture(0, web, 'signature', 1),
};

function label(row: CacheRow): string {
  switch (row.kind) {
    case 'registry':
      return row.name;
    case 'repository':
      return row.label;
    case 'tag':
      return row.tag.tag;
    case 'group':
      return `${row.title} (${String(row.count)})`;
    case 'manifest':
      return row.manifest.kind;
    case 'remark':
      return row.text;
  }
}
const drawn = (rows: readonly CacheRow[]): string[] => rows.map((row) => `${'  '.repeat(row.level)}${label(row)}`);

describe('cacheRows', () => {
  it('groups repositories under their registry, without repeating its name', () => {
    expect(drawn(cacheRows(repositories, new Set(), nothing))).toEqual([
      'docker.io',
      '  library/alpine',
      '  library/postgres',
      'ghcr.io',
      '  acme/charts/platform',
      '  acme/web',
      'quay.io',
      '  prometheus/node-exporter',
      localName,
      '  team/builder',
    ]);
  });

  it('shows tags, then untagged manifests and artifacts, each group folded by itself', () => {
    const toggled = new Set([
      'registry docker.io',
      'registry quay.io',
      repositoryKey(web.name),
      `group Untagged ${web.name}`,
    ]);
    const rows = cacheRows(repositories, toggled, new Map([[web.name, { data: content, error: null }]]));
    expect(drawn(rows).slice(1, 15)).toEqual([
      'ghcr.io',
      '  acme/charts/platform',
      '  acme/web',
      '    latest',
      '    2.13.1',
      '    2.12.1',
      '    2.11.1',
      '    2.10.1',
      '    2.9.1',
      '    Untagged (2)',
      '      image',
      '      image',
      '    Artifacts (1)',
      'quay.io',
    ]);
    expect(new Set(rows.map(({ key }) => key)).size).toBe(rows.length);
  });

  it('says so while a repository is being read, and when that failed', () => {
    const toggled = new Set([repositoryKey(web.name)]);
    const remark = (contents: Map<string, LoadedContent>) => drawn(cacheRows([web], toggled, contents)).at(-1);
    expect([remark(nothing), remark(new Map([[web.name, { data: undefined, error: new Error('x') }]]))]).toEqual([
      '    Reading…',
      '    This repository could not be read.',
    ]);
  });

  it('adds up sizes and takes the latest pull for a registry', () => {
    const [registry] = cacheRows(repositories.slice(0, 2), new Set(), nothing);
    const [alpine, postgres] = repositories;
    expect(registry).toMatchObject({
      kind: 'registry',
      repositories: 2,
      bytes: alpine!.bytes + postgres!.bytes,
      uniqueBytes: alpine!.uniqueBytes + postgres!.uniqueBytes,
      lastPulledAt: alpine!.lastPulledAt,
    });
  });

  it('loads only what is unfolded', () => {
    expect(unfoldedRepositories(repositories, new Set([repositoryKey(web.name), 'registry ghcr.io']))).toEqual([
      web.name,
    ]);
  });
});

describe('targets', () => {
  const rows = cacheRows(
    [web],
    new Set([repositoryKey(web.name), `group Untagged ${web.name}`]),
    new Map([[web.name, { data: content, error: null }]]),
  );

  it('are repositories, tags and manifests, never headings', () => {
    expect(rows.map((row) => [row.kind, targetOf(row) === undefined])).toEqual([
      ['registry', true],
      ['repository', false],
      ...content.tags.map(() => ['tag', false]),
      ['group', true],
      ['manifest', false],
      ['manifest', false],
      ['group', true],
    ]);
  });

  it('inside a selected repository are not deleted twice', () => {
    const all = [{ repository: 'a', reference: 'x' }, { repository: 'a' }, { repository: 'b', reference: 'y' }];
    expect(outermostTargets(all)).toEqual([{ repository: 'a' }, { repository: 'b', reference: 'y' }]);
  });

  it('are written as people write them', () => {
    expect([
      targetName({ repository: 'a' }),
      targetName({ repository: 'a', reference: '1' }),
      targetName({ repository: 'a', reference: 'sha256:0' }),
    ]).toEqual(['a', 'a:1', 'a@sha256:0']);
  });

  it('fold only where there is something below', () => {
    expect(rows.map((row) => isExpanded(row)).filter((one) => one === undefined).length).toBe(content.tags.length + 2);
  });
});

describe('isDigestText', () => {
  it.each([
    [`sha256:${'a'.repeat(64)}`, true],
    ['sha256:abcdef12', true],
    ['sha256:', false],
    ['alpine', false],
    ['sha256:XYZ', false],
  ])('%s: %s', (text, isDigest) => {
    expect(isDigestText(text)).toBe(isDigest);
  });
});

describe('prettyManifest', () => {
  it('indents JSON and leaves anything else as it is', () => {
    expect([prettyManifest('{"a":1}'), prettyManifest('not json')]).toEqual(['{\n  "a": 1\n}', 'not json']);
  });
});
