import { expect, test } from 'vitest';
import { Registry } from './client.ts';

const registry = new Registry();

interface Page {
  readonly entries: readonly string[];
  readonly link: string | undefined;
}

async function page(path: string): Promise<Page> {
  const answer = await registry.mirror.get(path);
  const body = JSON.parse(answer.body.toString()) as { tags?: string[]; repositories?: string[] };
  const link = /^<(.*)>; rel="next"$/.exec(String(answer.headers.link ?? ''))?.[1];
  return { entries: body.tags ?? body.repositories ?? [], link };
}

async function follow(path: string): Promise<readonly (readonly string[])[]> {
  const pages: (readonly string[])[] = [];
  for (let next: string | undefined = path; next !== undefined;) {
    const { entries, link } = await page(next);
    pages.push(entries);
    next = link;
  }
  return pages;
}

test('tags come in order, in pages that follow each other', async () => {
  for (const tag of ['v2', 'b', 'V1', 'a', 'v10']) await registry.pushImage('team/app', tag, 'layer');
  const list = '/v2/team/app/tags/list';
  expect(await page(list)).toEqual({ entries: ['V1', 'a', 'b', 'v10', 'v2'], link: undefined });
  expect(await follow(`${list}?n=2`)).toEqual([['V1', 'a'], ['b', 'v10'], ['v2']]);
  expect(await page(`${list}?last=b`)).toEqual({ entries: ['v10', 'v2'], link: undefined });
  expect(await page(`${list}?n=0`)).toEqual({ entries: [], link: undefined });
});

test('the catalog has every repository with content, in pages', async () => {
  for (const name of ['cat/c', 'cat/a', 'cat/b']) await registry.pushImage(name, 'v1', 'layer');
  expect(await follow('/v2/_catalog?n=2')).toEqual([
    ['cat/a', 'cat/b'],
    ['cat/c', 'team/app'],
  ]);
});
