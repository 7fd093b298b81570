import { pino } from 'pino';
import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';
/** Facts beside the message. `error` may be any thrown value; everything is redacted before it is written. */
export type LogFields = Readonly<Record<string, unknown>>;

/** The program's own log: one JSON object per line, never a secret in it. */
export interface Log {
  trace(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log whose every line carries `fields` too. */
  child(fields: LogFields): Log;
}

export interface LogOptions {
  /** Lowest level written. */
  readonly level: LogLevel;
  /** Takes each line, with its line end; default: standard error. */
  readonly write?: (line: string) => void;
  readonly clock?: Clock;
}

/** Opens the program's log. Lines are written at once, so that none is missing after a crash. */
export function createLog(options: LogOptions): Log {
  const clock = options.clock ?? systemClock;
  const destination =
    options.write === undefined ? pino.destination({ dest: 2, sync: true }) : { write: options.write };
  const logger = pino(
    {
      level: options.level,
      base: null,
      messageKey: 'message',
      timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return wrap(logger, {});
}

function wrap(logger: pino.Logger, bound: LogFields): Log {
  const at =
    (level: LogLevel) =>
    (message: string, fields?: LogFields): void => {
      if (!logger.isLevelEnabled(level)) return;
      logger[level](redact({ ...bound, ...fields }), redactText(message));
    };
  return {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => wrap(logger, { ...bound, ...fields }),
  };
}

const hidden = '[hidden]';
const depthLimit = 8;
/** Names under which secrets travel through this product, and through HTTP. */
const secretName =
  /^(?:pass(?:word|phrase)?|passwd|secret\w*|\w*token|authorization|proxy-authorization|cookie|set-cookie|x-api-key|credentials?|privatekey|identitytoken)$/i;
const textRules: readonly (readonly [RegExp, string])[] = [
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@"']+@/gi, `$1${hidden}@`],
  [/\b(Bearer|Basic)\s+[A-Za-z0-9+/=._~-]{4,}/g, `$1 ${hidden}`],
  // signed download addresses of blob hosts are as good as a password while they last
  [
    /([?&](?:x-amz-[a-z-]+|x-goog-[a-z-]+|sig|signature|token|access_token|key-pair-id|policy)=)[^&\s"']+/gi,
    `$1${hidden}`,
  ],
];

/** `value` as it may be written down: secrets by name and inside text replaced, errors as plain objects. */
export function redact(value: unknown): object {
  const clean = redactValue(value, depthLimit);
  return typeof clean === 'object' && clean !== null ? clean : { value: clean };
}

/** `text` without passwords in URLs, Authorization values and signed query parameters. */
export function redactText(text: string): string {
  return textRules.reduce((clean, [pattern, replacement]) => clean.replace(pattern, replacement), text);
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  return depth === 0 ? '…' : redactObject(value, depth);
}

function redactObject(value: object, depth: number): unknown {
  if (value instanceof Error) return describeError(value, depth);
  if (value instanceof Date) return value.toISOString();
  if (value instanceof URL) return redactText(value.href);
  if (ArrayBuffer.isView(value)) return `${String(value.byteLength)} bytes`;
  if (value instanceof Map || value instanceof Set) return redactValue([...value], depth - 1);
  if (Array.isArray(value)) return value.map((item: unknown) => redactValue(item, depth - 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name,
      secretName.test(name) && hasContent(item) ? hidden : redactValue(item, depth - 1),
    ]),
  );
}

function hasContent(value: unknown): boolean {
  return (
    value !== undefined && value !== null && value !== '' && typeof value !== 'boolean' && typeof value !== 'number'
  );
}

/** Only bugs carry a stack: whatever has a code of its own was expected by somebody. */
function describeError(error: Error, depth: number): object {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const isBug = code === undefined || code === 'INTERNAL' || code.startsWith('ERR_');
  return {
    name: error.name,
    ...(code === undefined ? {} : { code }),
    message: redactText(error.message),
    ...(isBug && error.stack !== undefined ? { stack: redactText(error.stack) } : {}),
    ...(error.cause === undefined ? {} : { cause: redactValue(error.cause, depth - 1) }),
  };
}
