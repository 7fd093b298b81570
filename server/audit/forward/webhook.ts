import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { rootCertificates } from 'node:tls';
import type { Clock } from '../../lib/clock.ts';
import type { ForwardLine, Receiver, Sender } from './receiver.ts';

const answerTimeoutMs = 30_000;
const tooLarge = 413;

export interface WebhookOptions {
  readonly url: string;
  /** Events of one request at most; 1: each is a structured event of its own. */
  readonly batch: number;
  /** Key of the signature; empty: none. */
  readonly secret: string;
  readonly ca: string;
  readonly sender: Sender;
  readonly clock: Pick<Clock, 'now'>;
}

/** CloudEvents 1.0 by POST, as a batch or one by one; any 2xx answer is the receipt. */
export class WebhookReceiver implements Receiver {
  readonly batch: number;
  readonly settleMs = 0;
  readonly isLost = false;
  readonly #options: WebhookOptions;
  readonly #agent: HttpAgent;

  constructor(options: WebhookOptions) {
    const { url, ca, batch } = options;
    this.#options = options;
    this.batch = batch;
    const keep = { keepAlive: true, maxSockets: 1 };
    const authorities = ca === '' ? {} : { ca: [...rootCertificates, readFileSync(ca, 'utf8')] };
    this.#agent = url.startsWith('https:') ? new HttpsAgent({ ...keep, ...authorities }) : new HttpAgent(keep);
  }

  async send(lines: readonly ForwardLine[], signal: AbortSignal): Promise<void> {
    const { sender, batch } = this.#options;
    const events = lines.map((line) => cloudEvent(line, sender));
    const status =
      batch === 1
        ? await this.#post('application/cloudevents+json', events[0] ?? '', signal)
        : await this.#post('application/cloudevents-batch+json', `[${events.join(',')}]`, signal);
    if (status >= 200 && status < 300) return;
    if (status !== tooLarge || lines.length === 1) throw new Error(`the receiver answered ${String(status)}`);
    const half = Math.ceil(lines.length / 2);
    await this.send(lines.slice(0, half), signal);
    await this.send(lines.slice(half), signal);
  }

  close(): void {
    this.#agent.destroy();
  }

  #post(type: string, body: string, signal: AbortSignal): Promise<number> {
    const { url, secret, clock, sender } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const timestamp = String(Math.floor(clock.now() / 1000));
    const bytes = Buffer.from(body);
    const request = (url.startsWith('https:') ? requestHttps : requestHttp)(url, {
      method: 'POST',
      agent: this.#agent,
      signal,
      timeout: answerTimeoutMs,
      headers: {
        'content-type': `${type}; charset=utf-8`,
        'content-length': bytes.length,
        'user-agent': `zhi-mirror/${sender.version}`,
        ...(secret === '' ? {} : signatureHeaders(secret, timestamp, body)),
      },
    });
    request.once('timeout', () => request.destroy(new Error('no answer within 30 s')));
    request.once('error', reject);
    request.once('response', (response) => {
      // what it says besides is of no use here, and must not be held
      response.resume();
      response.once('error', reject);
      response.once('end', () => {
        resolve(response.statusCode ?? 0);
      });
    });
    request.end(bytes);
    return promise;
  }
}

/** A line as a CloudEvent; `data` is the line itself. */
function cloudEvent({ id, text }: ForwardLine, { fingerprint }: Sender): string {
  const name = /^\{"event":"(\w+)","timestamp":"([^"]+)"/.exec(text);
  const attributes = {
    specversion: '1.0',
    id,
    source: `urn:zhi-mirror:${fingerprint.slice(0, 16)}`,
    type: `zhi.mirror.audit.${name?.[1] ?? 'line'}`,
    ...(name?.[2] === undefined ? {} : { time: name[2] }),
    datacontenttype: 'application/json',
  };
  return `${JSON.stringify(attributes).slice(0, -1)},"data":${text}}`;
}

/** `sha256=` and the HMAC over `<timestamp>.<body>`, in hex. */
function signatureHeaders(secret: string, timestamp: string, body: string): Record<string, string> {
  const signature = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
  return { 'x-zhi-timestamp': timestamp, 'x-zhi-signature': `sha256=${signature}` };
}
