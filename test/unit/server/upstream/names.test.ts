import { describe, expect, it } from 'vitest';
import { endpointsOf, isDockerHub, repositoryOn } from '../../../../server/upstream/names.ts';

describe('the URL of a repository', () => {
  it.each([
    // upstream, URL, repository, expected
    ['docker.io', [], 'nginx', 'https://registry-1.docker.io/v2/library/nginx'],
    ['docker.io', [], 'library/nginx', 'https://registry-1.docker.io/v2/library/nginx'],
    ['docker.io', [], 'grafana/grafana', 'https://registry-1.docker.io/v2/grafana/grafana'],
    ['index.docker.io', [], 'nginx', 'https://registry-1.docker.io/v2/library/nginx'],
    ['docker.io', ['https://docker.io/library'], 'nginx', 'https://registry-1.docker.io/v2/library/nginx'],
    ['official.test', ['https://docker.io/library/'], 'nginx', 'https://registry-1.docker.io/v2/library/nginx'],
    ['docker.io', ['https://mirror.test'], 'nginx', 'https://mirror.test/v2/library/nginx'],
    ['docker.io', ['https://harbor.test/hub'], 'nginx', 'https://harbor.test/v2/hub/library/nginx'],
    ['docker.io', ['https://mirror.test/library'], 'nginx', 'https://mirror.test/v2/library/nginx'],
    ['docker.io', ['http://docker.io'], 'nginx', 'http://registry-1.docker.io/v2/library/nginx'],
    ['ghcr.io', [], 'org/app', 'https://ghcr.io/v2/org/app'],
    ['ghcr.io', [], 'app', 'https://ghcr.io/v2/app'],
    ['evildocker.io', [], 'nginx', 'https://evildocker.io/v2/nginx'],
    ['up.test', ['http://127.0.0.1:5001'], 'app', 'http://127.0.0.1:5001/v2/app'],
    ['up.test', ['https://harbor.test//a/b/'], 'org/app', 'https://harbor.test/v2/a/b/org/app'],
    ['up.test', ['https://harbor.test/v2/'], 'org/app', 'https://harbor.test/v2/org/app'],
    ['up.test', ['https://harbor.test/v2/proxy'], 'org/app', 'https://harbor.test/v2/proxy/org/app'],
    ['[::1]:5000', [], 'app', 'https://[::1]:5000/v2/app'],
  ])('of %s with %j for %s is %s', (name, urls, repository, expected) => {
    const [endpoint] = endpointsOf(name, urls);
    expect(`${endpoint!.origin}/v2/${repositoryOn(endpoint!, repository)}`).toBe(expected);
  });

  it('keeps the order of the URLs', () => {
    expect(endpointsOf('up.test', ['https://b.test', 'http://a.test:81']).map(({ origin }) => origin)).toEqual([
      'https://b.test',
      'http://a.test:81',
    ]);
  });
});

it('knows Docker Hub by its names only', () => {
  expect(
    ['docker.io', 'Index.docker.io', 'registry-1.docker.io', 'evildocker.io', 'docker.io.evil.test'].map(isDockerHub),
  ).toEqual([true, true, true, false, false]);
});
