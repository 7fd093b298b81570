import { describe, expect, it } from 'vitest';
import { formsOf, newRule, readForms } from '../../../../renderer/features/storage/retention-form.ts';

describe('the form of the retention rules', () => {
  it('gives back the rules it was made of', () => {
    const rules = [
      { repositories: ['prod/**', 'apps/{a,b}'], tags: ['v*'] },
      { repositories: ['**'], tags: ['**'], keep: {}, untagged: '7d' },
      {
        repositories: ['team/**'],
        tags: ['**'],
        keep: { newest: 3, semver: '>=2.0.0 <3', pulledWithin: '30d', pushedWithin: '36h' },
      },
    ];
    expect(readForms(formsOf(rules))).toEqual({ rules });
  });

  it('takes patterns apart at commas and spaces', () => {
    const form = { ...newRule(0), repositories: ' a/*,b/** c ', tags: 'v*,  latest' };
    expect(readForms([form])).toEqual({
      rules: [{ repositories: ['a/*', 'b/**', 'c'], tags: ['v*', 'latest'], keep: { newest: 10 } }],
    });
  });

  it('says what is wrong at its field, in words', () => {
    const bad = {
      repositories: '',
      tags: ' ',
      newest: 'ten',
      semver: 'newest',
      pulledWithin: 'a month',
      untagged: '7',
    };
    const read = readForms([newRule(0), { ...newRule(1), ...bad }]);
    expect('errors' in read ? Object.fromEntries(read.errors) : read).toEqual({
      '1.repositories': 'Write at least one pattern, such as team/** or **',
      '1.tags': 'Write at least one pattern, such as v* or **',
      '1.newest': 'Write a whole number',
      '1.semver': 'Is not a range of versions such as ">=2.0.0 <3"',
      '1.pulledWithin': '"a month" is not a duration such as "30s", "5m" or "24h"',
      '1.untagged': '"7" is not a duration such as "30s", "5m" or "24h"',
    });
  });

  it('refuses half and negative counts', () => {
    for (const newest of ['1.5', '-1', 'NaN']) expect(readForms([{ ...newRule(0), newest }])).toHaveProperty('errors');
  });
});
