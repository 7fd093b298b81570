import { describe, expect, it } from 'vitest';
import { routes } from '../../../../server/api/contract.ts';
import { modeSentence } from '../../../../renderer/features/upstreams/modes.ts';
import { moveItem } from '../../../../renderer/features/upstreams/ordered.ts';
import { registryPresets } from '../../../../renderer/features/upstreams/registries.ts';
import { breakerSentence, shownSteps, testVerdict } from '../../../../renderer/features/upstreams/test-steps.ts';
import type { TestStep } from '../../../../renderer/features/upstreams/test-steps.ts';
import {
  emptyForm,
  formFromView,
  inputFromForm,
  settingsOf,
  validateForm,
} from '../../../../renderer/features/upstreams/upstream-form.ts';
import { upstreamsFixture } from '../../../e2e/support/fixtures.ts';

const form = { ...emptyForm, name: 'registry.test:5000' };

describe('the form of an upstream', () => {
  it('starts with the defaults of the settings', () => {
    const { accounts: _accounts, ...defaults } = routes.addUpstream.body.parse({ name: form.name });
    const { accounts: _none, ...written } = routes.addUpstream.body.parse(inputFromForm(form));
    expect(written).toEqual(defaults);
  });

  it('leaves out blank URLs and hosts and trims what is written', () => {
    const input = inputFromForm({
      ...form,
      name: ' a.test ',
      urls: ['', ' http://a.test:1 '],
      interceptHosts: 'b.test, c.test  d.test',
    });
    expect([input.name, input.urls, input.interceptHosts]).toEqual([
      'a.test',
      ['http://a.test:1'],
      ['b.test', 'c.test', 'd.test'],
    ]);
  });

  it('shows the settings of an upstream and gives them back unchanged', () => {
    const [, view] = upstreamsFixture(0);
    const shown = formFromView(view!);
    expect([shown.mode, shown.ttl, shown.urls.length, shown.connectTimeout]).toEqual(['prefer-cache', '1h', 2, '3s']);
    expect(routes.updateUpstream.body.parse(inputFromForm(shown))).toEqual(
      routes.updateUpstream.body.parse(view!.settings),
    );
  });

  it('falls back to the name when the settings are not understood', () => {
    expect(settingsOf({ name: 'a.test', settings: { nonsense: true } })).toEqual({ name: 'a.test' });
  });

  it('has no error when everything is right', () => {
    expect(validateForm(form)).toEqual({});
  });

  it('names each mistake at its field, in words', () => {
    const errors = validateForm({
      ...form,
      name: '',
      urls: ['', 'ftp://a.test'],
      ttl: 'soon',
      tags: [{ pattern: '', ttl: 'later' }],
      maxRetries: Number.NaN,
    });
    expect(Object.keys(errors).toSorted()).toEqual([
      'maxRetries',
      'name',
      'tags.0.pattern',
      'tags.0.ttl',
      'ttl',
      'urls.1',
    ]);
    expect([errors['name'], errors['urls.1'], errors['tags.0.ttl']]).toEqual([
      'Write the host clients use, such as ghcr.io',
      'Is not an http:// or https:// URL',
      'Write a time such as 30s, 5m or 24h, or "immutable"',
    ]);
  });
});

describe('the gallery', () => {
  it('offers only names that the settings accept, and none twice', () => {
    const names = registryPresets.map(({ name }) => name).filter((name) => name !== '');
    expect(names.filter((name) => Object.keys(validateForm({ ...emptyForm, name })).length > 0)).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('moveItem', () => {
  it('moves within the list and ignores what is outside', () => {
    expect([moveItem(['a', 'b', 'c'], 0, 2), moveItem(['a', 'b', 'c'], 2, 0), moveItem(['a', 'b'], 1, 2)]).toEqual([
      ['b', 'c', 'a'],
      ['c', 'a', 'b'],
      ['a', 'b'],
    ]);
  });
});

describe('steps of a test', () => {
  const passed = (step: TestStep['step']): TestStep => ({ step, state: 'passed', durationMs: 1, detail: 'fine' });

  it('show what is done, the one under way and those to come', () => {
    expect(shownSteps([passed('dns'), passed('tcp')], true).map(({ state }) => state)).toEqual([
      'passed',
      'passed',
      'running',
      'waiting',
      'waiting',
      'waiting',
    ]);
  });

  it('show nothing as under way once the test has ended', () => {
    expect(shownSteps([passed('dns')], false).map(({ state }) => state)).not.toContain('running');
  });

  it('end in a verdict that names the failed step and its reason', () => {
    const failed: TestStep = { step: 'tls', state: 'failed', durationMs: 3, detail: 'unknown authority' };
    expect(testVerdict([passed('dns'), failed])).toEqual({
      isGood: false,
      text: 'The test stopped at “Certificate”: unknown authority',
    });
    expect(testVerdict([passed('dns')]).isGood).toBe(true);
  });
});

describe('words of an upstream', () => {
  it('say what a mode means', () => {
    expect([modeSentence('check', '5m'), modeSentence('offline', '5m')]).toEqual([
      'tags are asked for again after 5m',
      'never asked',
    ]);
  });

  it('say when an open circuit breaker tries again', () => {
    const health = { state: 'open', requests: 0, failures: 0, bytesReceived: 0, retryAt: 24_100 } as const;
    expect(breakerSentence(health, 0, 'en').replaceAll('\u00a0', ' ')).toMatch(/Next try in 25 s\.$/);
    expect(breakerSentence(health, 26_000, 'en')).toMatch(/The next request tries it again\.$/);
  });
});
