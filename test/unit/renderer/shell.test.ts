import { describe, expect, it } from 'vitest';
import { shownState, statusSentence, stopWarning } from '../../../renderer/shell/status-line.ts';
import { statusFixture } from '../../e2e/support/fixtures.ts';

const status = statusFixture(0);

describe('the state in the header', () => {
  it('is "unreachable" as soon as the mirror does not answer, however it was before', () => {
    expect([shownState(status, true), shownState(status, false), shownState(undefined, false)]).toEqual([
      'unreachable',
      'attention',
      undefined,
    ]);
  });

  it('comes with one sentence that names the trouble first', () => {
    expect([
      statusSentence(undefined, true),
      statusSentence({ ...status, listenError: 'Port 5050 is in use; 5051 is free.' }, false),
      statusSentence({ ...status, listening: false }, false),
      statusSentence({ ...status, offline: true }, false),
    ]).toEqual([
      'The mirror does not answer. Trying again.',
      'Port 5050 is in use; 5051 is free.',
      'Not serving: clients cannot pull from this mirror.',
      '3 clients · 2 transfers · upstreams are not asked',
    ]);
  });
});

describe('stopWarning', () => {
  it('says who is using the mirror and what breaks', () => {
    expect(stopWarning(status)).toMatch(
      /^3 clients used this mirror in the last 10 minutes\. 2 transfers are under way and will break\./,
    );
    expect(stopWarning({ ...status, clientsLast10Min: 0, activeTransfers: 0 })).toMatch(
      /^No client used .* Until you switch it on/,
    );
  });
});
