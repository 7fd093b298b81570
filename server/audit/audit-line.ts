import { auditEventNames, outcomes } from './events.ts';
import type { AuditEvent, AuditEventName, Outcome } from './events.ts';

/** Longest text kept of one field, in characters; a client chooses its User-Agent and may make it kilobytes. */
const maxFieldLength = 1024;
const maxUserAgentLength = 512;

/** Text that needs no escape in JSON and cannot look like a line end to any reader. */
const plain = /^[ !#-[\]-~]*$/;

/**
 * Turns events into lines, one JSON object and one `\n` each, the documented seven fields first.
 * Remembers the last time stamp: formatting it is a third of the work and many events share a millisecond.
 */
export class LineEncoder {
  #at = Number.NaN;
  #timestamp = '';

  /** The line of `event`, with its line end. Never holds another line end, whatever the fields hold. */
  encode(event: AuditEvent): string {
    let line = `{"event":"${event.event}","timestamp":"${this.#format(event.at)}","artifact":${quote(event.artifact)},"client_ip":${quote(event.clientIp)}`;
    if (event.user !== undefined) line += `,"user":${quote(event.user)}`;
    if (event.digest !== undefined) line += `,"digest":${quote(event.digest)}`;
    line += `,"cached":${event.cached ? 'true' : 'false'},"outcome":"${event.outcome}"`;
    if (event.method !== undefined) line += `,"method":${quote(event.method)}`;
    return line + numbers(event) + rest(event);
  }

  #format(at: number): string {
    const ms = Math.floor(at);
    if (ms !== this.#at) {
      this.#timestamp = new Date(ms).toISOString();
      this.#at = ms;
    }
    return this.#timestamp;
  }
}

function numbers(event: AuditEvent): string {
  let text = '';
  if (event.status !== undefined) text += `,"status":${String(event.status)}`;
  if (event.code !== undefined) text += `,"code":${quote(event.code)}`;
  if (event.bytes !== undefined) text += `,"bytes":${String(event.bytes)}`;
  // microseconds are enough, and a difference of floats has sixteen digits
  if (event.durationMs !== undefined) text += `,"duration_ms":${String(Math.round(event.durationMs * 1000) / 1000)}`;
  return text;
}

function rest(event: AuditEvent): string {
  let text = '';
  if (event.userAgent !== undefined) text += `,"user_agent":${quote(event.userAgent, maxUserAgentLength)}`;
  text += `,"request_id":${quote(event.requestId)}`;
  if (event.upstream !== undefined) text += `,"upstream":${quote(event.upstream)}`;
  if (event.detail !== undefined) text += `,"detail":${quote(event.detail)}`;
  return `${text}}\n`;
}

function quote(text: string, maxLength = maxFieldLength): string {
  if (text.length <= maxLength && plain.test(text)) return `"${text}"`;
  const short = text.length <= maxLength ? text : `${text.slice(0, maxLength - 1)}…`;
  // C1 controls and U+2028/2029 are legal in JSON, but some line readers split at them: a client must not forge a line
  return JSON.stringify(short.toWellFormed()).replaceAll(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Reads one line back; undefined when it is not an event of this log (a person may edit the file). */
export function parseLine(line: string): AuditEvent | undefined {
  const fields = parseObject(line);
  if (fields === undefined) return undefined;
  const at = Date.parse(text(fields, 'timestamp') ?? '');
  const event = text(fields, 'event');
  const outcome = text(fields, 'outcome');
  const artifact = text(fields, 'artifact');
  if (!isEventName(event) || !isOutcome(outcome) || artifact === undefined || Number.isNaN(at)) return undefined;
  return {
    event,
    at,
    artifact,
    clientIp: text(fields, 'client_ip') ?? '',
    user: text(fields, 'user'),
    digest: text(fields, 'digest'),
    cached: fields['cached'] === true,
    outcome,
    method: text(fields, 'method'),
    status: number(fields, 'status'),
    code: text(fields, 'code'),
    bytes: number(fields, 'bytes'),
    durationMs: number(fields, 'duration_ms'),
    userAgent: text(fields, 'user_agent'),
    requestId: text(fields, 'request_id') ?? '',
    upstream: text(fields, 'upstream'),
    detail: text(fields, 'detail'),
  };
}

function parseObject(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function text(fields: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = fields[name];
  return typeof value === 'string' ? value : undefined;
}

function number(fields: Readonly<Record<string, unknown>>, name: string): number | undefined {
  const value = fields[name];
  return typeof value === 'number' ? value : undefined;
}

function isEventName(name: string | undefined): name is AuditEventName {
  return (auditEventNames as readonly (string | undefined)[]).includes(name);
}

function isOutcome(name: string | undefined): name is Outcome {
  return (outcomes as readonly (string | undefined)[]).includes(name);
}
