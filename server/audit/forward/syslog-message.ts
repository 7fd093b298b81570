import { parseLine } from '../audit-line.ts';
import type { AuditEvent, Outcome } from '../events.ts';
import type { ForwardLine, Sender } from './receiver.ts';

/** "log audit" of RFC 5424, table 1. */
const facility = 13;
const severities: Readonly<Record<Outcome, number>> = { hit: 6, miss: 6, ok: 6, stale: 5, failed: 4, denied: 4 };
/** CEF's own scale, 0 to 10. */
const cefSeverities: Readonly<Record<Outcome, number>> = { hit: 1, miss: 1, ok: 3, stale: 3, failed: 6, denied: 7 };
const maxSequenceId = 2_147_483_647;

/** A line as one frame of syslog over TCP or TLS: the length in bytes, a space, the message (RFC 6587 §3.4.1, RFC 5425 §4.3). */
export function syslogFrame(line: ForwardLine, format: 'json' | 'cef', sender: Sender): Buffer {
  const event = parseLine(line.text);
  const header = headerOf(event, sender);
  // RFC 5424 §7.3.1: from 1 to 2147483647, then from 1 again
  const data = line.seq === 0 ? '-' : `[meta sequenceId="${String(((line.seq - 1) % maxSequenceId) + 1)}"]`;
  const message = format === 'cef' && event !== undefined ? cefOf(event, line.id, sender.version) : line.text;
  const bytes = Buffer.from(`${header} ${data} ${message}`);
  return Buffer.concat([Buffer.from(`${String(bytes.length)} `), bytes]);
}

function headerOf(event: AuditEvent | undefined, sender: Sender): string {
  const priority = facility * 8 + (event === undefined ? 6 : severities[event.outcome]);
  const at = event === undefined ? '-' : new Date(event.at).toISOString();
  const host = sender.hostname.replaceAll(/[^!-~]/g, '').slice(0, 255);
  return `<${String(priority)}>1 ${at} ${host === '' ? '-' : host} zhi-mirror - ${event?.event.slice(0, 32) ?? '-'}`;
}

/** Common Event Format, version 0. */
function cefOf(event: AuditEvent, id: string, version: string): string {
  const head = ['CEF:0', 'Zhi', 'Mirror', version, event.event, event.event.replaceAll('_', ' ')].map(cefHeader);
  const extension: readonly (readonly [string, string | number | undefined])[] = [
    ['rt', event.at],
    ['externalId', id],
    ['src', event.clientIp === '' ? undefined : event.clientIp],
    ['suser', event.user],
    ['request', event.artifact],
    ['requestMethod', event.method],
    ['requestClientApplication', event.userAgent],
    ['outcome', event.outcome],
    ['reason', event.code],
    ['out', event.bytes],
    ['cs1Label', event.digest === undefined ? undefined : 'digest'],
    ['cs1', event.digest],
    ['cs2Label', event.upstream === undefined ? undefined : 'upstream'],
    ['cs2', event.upstream],
    ['cs3Label', event.requestId === '' ? undefined : 'requestId'],
    ['cs3', event.requestId === '' ? undefined : event.requestId],
    ['cn1Label', event.status === undefined ? undefined : 'status'],
    ['cn1', event.status],
    ['msg', event.detail],
  ];
  const fields = extension.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${cefValue(String(value))}`],
  );
  return `${head.join('|')}|${String(cefSeverities[event.outcome])}|${fields.join(' ')}`;
}

function cefHeader(text: string): string {
  return text.replaceAll(/[\\|]/g, '\\$&').replaceAll(/[\r\n]+/g, ' ');
}

function cefValue(text: string): string {
  return text.replaceAll(/[\\=]/g, '\\$&').replaceAll('\r', '\\r').replaceAll('\n', '\\n');
}
