import { expect, it } from 'vitest';
import { HotAnswers } from '../../../../server/registry/hot-answers.ts';
import type { HotAnswer } from '../../../../server/registry/hot-answers.ts';

function answer(repository: string, bytes = 10): HotAnswer {
  return {
    body: Buffer.alloc(bytes),
    headers: [],
    etag: '""',
    validFrom: 0,
    validUntil: 1,
    repositoryId: 1,
    repository,
    reference: 'v1',
    markKey: '',
    event: 'artifact_pull',
    artifact: '',
    digest: '',
    upstream: undefined,
  };
}

it('forgets the oldest answers when there is no room for a new one', () => {
  const hot = new HotAnswers(3 * 1100);
  for (const url of ['a', 'b', 'c', 'd']) hot.put(url, answer('app'));
  expect(['a', 'b', 'c', 'd'].map((url) => hot.get(url) !== undefined)).toEqual([false, true, true, true]);
});

it('counts an answer that replaces another once', () => {
  const hot = new HotAnswers(2 * 1100);
  for (let i = 0; i < 50; i += 1) hot.put('a', answer('app'));
  hot.put('b', answer('app'));
  expect([hot.get('a'), hot.get('b')]).not.toContain(undefined);
});

it('does not keep what is larger than everything it may keep', () => {
  const hot = new HotAnswers(1000);
  hot.put('a', answer('app'));
  expect(hot.get('a')).toBeUndefined();
});

it('forgets a repository whose content changed, and nothing else', () => {
  const hot = new HotAnswers(1e6);
  hot.put('a', answer('app'));
  hot.put('b', answer('app'));
  hot.put('c', answer('other'));
  hot.forgetRepository('app');
  expect(['a', 'b', 'c'].map((url) => hot.get(url) !== undefined)).toEqual([false, false, true]);
});
