import { describe, expect, it } from 'vitest';
import { LineEncoder, parseLine } from '../../../../server/audit/audit-line.ts';
import { auditEventNames, outcomes } from '../../../../server/audit/events.ts';
import { digestA, pull } from './audit-events.ts';

const encode = (changes: Parameters<typeof pull>[0] = {}): string => new LineEncoder().encode(pull(changes));

describe('a line of the audit log', () => {
  it('begins with the documented seven fields, in their order and by their names', () => {
    expect(encode()).toBe(
      `{"event":"artifact_pull","timestamp":"2026-01-30T10:15:30.000Z","artifact":"ghcr.io/zhi-project/zhi-config-ansible:v1.2.0","client_ip":"10.0.1.42","user":"deploy-pipeline","digest":"${digestA}","cached":true,"outcome":"hit","method":"GET","status":200,"bytes":1543,"duration_ms":0.5,"user_agent":"skopeo/1.18","request_id":"request-1","upstream":"ghcr.io"}\n`,
    );
  });

  it('leaves out what is absent', () => {
    const line = new LineEncoder().encode({
      event: 'mirror_start',
      at: 0,
      artifact: '',
      clientIp: '',
      cached: false,
      outcome: 'ok',
      requestId: '',
    });
    expect(Object.keys(JSON.parse(line) as object)).toEqual([
      'event',
      'timestamp',
      'artifact',
      'client_ip',
      'cached',
      'outcome',
      'request_id',
    ]);
  });

  it.each(auditEventNames.flatMap((event) => outcomes.map((outcome) => ({ event, outcome }))))(
    'is read back as the event it was made from: $event, $outcome',
    (names) => {
      const event = pull({ ...names, code: 'UPSTREAM_FAILED', detail: 'stale because "up.test" answered 503' });
      expect(parseLine(new LineEncoder().encode(event))).toEqual(event);
    },
  );

  it.each(['\n', '\r', '\u0085', '\u2028', '\u2029', '\u0000', '"', '\\', '\ud800', '{"event":"x"}\n'])(
    'stays one line of ASCII-safe line ends when a client sends %j',
    (hostile) => {
      const line = encode({ userAgent: `a${hostile}b`, artifact: hostile, user: hostile, detail: hostile });
      expect(line.split(/[\n\r\u0085\u2028\u2029\u0000]/)).toEqual([line.slice(0, -1), '']);
      expect(parseLine(line)?.userAgent).toBe(`a${hostile}b`.toWellFormed());
    },
  );

  it('clips what a client made too long', () => {
    const event = parseLine(encode({ userAgent: 'x'.repeat(16_384), artifact: 'y'.repeat(9000) }));
    expect({ agent: event?.userAgent?.length, artifact: event?.artifact.length }).toEqual({
      agent: 512,
      artifact: 1024,
    });
  });

  it('takes each event’s own time, also when it goes back', () => {
    const encoder = new LineEncoder();
    const times = [1000, 1000, 2000, 1500.9, 1000].map((at) => parseLine(encoder.encode(pull({ at })))?.at);
    expect(times).toEqual([1000, 1000, 2000, 1500, 1000]);
  });

  it.each([
    '',
    '{',
    'null',
    '[]',
    '"x"',
    '{"event":"artifact_pull"}',
    encode().replace('artifact_pull', 'unknown_event'),
  ])('is not an event when it is %j', (text) => {
    expect(parseLine(text)).toBeUndefined();
  });
});
