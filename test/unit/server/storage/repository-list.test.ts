import { describe, expect, it } from 'vitest';
import { inTransaction } from '../../../../server/db/database.ts';
import { RequestError } from '../../../../server/errors.ts';
import { RepositoryList } from '../../../../server/storage/repository-list.ts';
import type { RepositoryQuery, RepositorySort } from '../../../../server/storage/repository-list.ts';
import { throwsWith } from '../../../support/expect-code.ts';
import { image } from '../../../support/image-builder.ts';
import { heldContent } from './held-content.ts';
import type { HeldContent } from './held-content.ts';

const everything: RepositoryQuery = { text: '', upstream: undefined, sort: 'name', after: undefined, limit: 500 };

/** Repositories with one shared manifest each, as rows only; sizes and pulls differ so that order means something. */
function fill(held: HeldContent, count: number): void {
  const digest = `sha256:${'1'.repeat(64)}`;
  held.db
    .prepare('INSERT INTO manifests (digest, media_type, size, content, created_at) VALUES (?, ?, 1, ?, 1)')
    .run(digest, 'application/vnd.oci.image.manifest.v1+json', Buffer.from('{}'));
  const repository = held.db.prepare(
    'INSERT INTO repositories (name, upstream, upstream_repository, created_at, last_pulled_at) VALUES (?, ?, ?, 1, ?)',
  );
  const manifest = held.db.prepare(
    'INSERT INTO repository_manifests (repository_id, digest, first_seen_at) VALUES (?, ?, 1)',
  );
  const size = held.db.prepare('UPDATE repositories SET bytes = ? WHERE id = ?');
  inTransaction(held.db, () => {
    for (let number = 0; number < count; number += 1) {
      const upstream = number % 10 === 0 ? 'quay.io' : 'ghcr.io';
      const { lastInsertRowid } = repository.run(
        `${upstream}/team-${String(number % 97)}/app-${String(number)}`,
        upstream,
        `app-${String(number)}`,
        number % 3 === 0 ? null : 1000 + (number % 7),
      );
      manifest.run(lastInsertRowid, digest);
      size.run(number % 11, lastInsertRowid);
    }
  });
}

function readAll(
  list: RepositoryList,
  query: RepositoryQuery,
): { readonly names: string[]; readonly totals: Set<number> } {
  const names: string[] = [];
  const totals = new Set<number>();
  for (let after: string | undefined = undefined, isFirst = true; isFirst || after !== undefined; isFirst = false) {
    const page = list.page({ ...query, after });
    names.push(...page.repositories.map((one) => one.name));
    totals.add(page.total);
    after = page.next;
  }
  return { names, totals };
}

describe('the list of repositories', () => {
  it('pages through 100,000 repositories, each once and in order, however they are sorted', async () => {
    const held = await heldContent();
    fill(held, 100_000);
    const list = new RepositoryList(held.db);
    const orders: Readonly<Record<RepositorySort, string>> = {
      name: 'name',
      bytes: 'bytes DESC, id DESC',
      lastPulled: 'coalesce(last_pulled_at, 0) DESC, id DESC',
    };
    for (const sort of ['name', 'bytes', 'lastPulled'] as const) {
      const expected = held.db.prepare(`SELECT name FROM repositories ORDER BY ${orders[sort]}`).pluck().all();
      const { names, totals } = readAll(list, { ...everything, sort });
      expect(totals).toEqual(new Set([100_000]));
      expect(names).toEqual(expected);
    }
  }, 60_000);

  it('finds pages by an index, never by sorting', async () => {
    const held = await heldContent();
    const plan = (sql: string): string =>
      held.db
        .prepare<[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`)
        .all()
        .map((row) => row.detail)
        .join('; ');
    const where = 'FROM repositories WHERE content_count > 0';
    for (const [key, index] of [
      ['bytes', 'repositories_held_bytes'],
      ['coalesce(last_pulled_at, 0)', 'repositories_held_pulled'],
    ] as const) {
      const found = plan(
        `SELECT id, name ${where} AND ${key} <= 1 AND (${key} < 1 OR id < 1) ORDER BY ${key} DESC, id DESC LIMIT 200`,
      );
      expect(found).toMatch(new RegExp(`SEARCH repositories USING INDEX ${index} `));
      expect(found).not.toMatch(/TEMP B-TREE/);
    }
    const byName = plan(`SELECT id, bytes ${where} AND name > 'a' ORDER BY name LIMIT 200`);
    expect(byName).toMatch(/SEARCH repositories USING INDEX/);
    expect(byName).not.toMatch(/TEMP B-TREE/);
    expect(plan(`SELECT count(*) ${where} AND instr(name, 'a') > 0`)).toMatch(/USING COVERING INDEX/);
    expect(plan(`SELECT count(*) ${where}`)).toMatch(/USING COVERING INDEX/);
    expect(plan(`SELECT id ${where} AND upstream = 'a' ORDER BY name LIMIT 2`)).toMatch(
      /repositories_held_upstream \(upstream=\?\)/,
    );
  });

  it('narrows by part of a name and by upstream', async () => {
    const held = await heldContent();
    fill(held, 200);
    const list = new RepositoryList(held.db);
    expect(readAll(list, { ...everything, text: ' APP-19', limit: 3 })).toEqual({
      names: [
        'app-19',
        'app-190',
        'app-191',
        'app-192',
        'app-193',
        'app-194',
        'app-195',
        'app-196',
        'app-197',
        'app-198',
        'app-199',
      ]
        .map((name) => {
          const number = Number(name.slice(4));
          return `${number % 10 === 0 ? 'quay.io' : 'ghcr.io'}/team-${String(number % 97)}/${name}`;
        })
        .sort(),
      totals: new Set([11]),
    });
    expect(list.page({ ...everything, upstream: 'quay.io' }).total).toBe(20);
    expect(list.page({ ...everything, upstream: null }).total).toBe(0);
    expect(list.page({ ...everything, text: '%' }).total).toBe(0);
  });

  it('finds who holds a digest, of a manifest or a layer, whole or by its beginning', async () => {
    const held = await heldContent();
    const shared = 'in both';
    const one = image({ layers: [shared, 'one'] });
    await held.hold('ghcr.io/acme/one', one, { tag: 'v1' });
    await held.hold('team/two', image({ layers: [shared, 'two'] }), { tag: 'v1' });
    await held.hold('ghcr.io/acme/three', image({ layers: ['three'], config: 'three' }), { tag: 'v1' });
    const find = (text: string): string[] =>
      new RepositoryList(held.db).page({ ...everything, text }).repositories.map((row) => row.name);
    expect(find(one.digest)).toEqual(['ghcr.io/acme/one']);
    expect(find(one.layers[0]!.digest)).toEqual(['ghcr.io/acme/one', 'team/two']);
    expect(find(one.digest.slice(0, 20))).toEqual(['ghcr.io/acme/one']);
    expect(find(one.digest.slice(7, 30))).toEqual(['ghcr.io/acme/one']);
    expect(find(`sha256:${'0'.repeat(64)}`)).toEqual([]);
  });

  it('refuses a position that is none', async () => {
    const held = await heldContent();
    throwsWith(
      () => new RepositoryList(held.db).page({ ...everything, after: 'nonsense' }),
      RequestError,
      'REQUEST_INVALID',
    );
    throwsWith(
      () => new RepositoryList(held.db).page({ ...everything, sort: 'bytes', after: '1 many' }),
      RequestError,
      'REQUEST_INVALID',
    );
  });
});
