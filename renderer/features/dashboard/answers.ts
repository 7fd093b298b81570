import type { Dashboard, Status } from '../../../server/api/contract.ts';
import { formatBytes, formatPercent, formatPlural } from '../../format.ts';

/** The three questions on top of the dashboard, answered from what the mirror reports. PURE. */

export interface Answer {
  readonly question: string;
  readonly verdict: 'good' | 'partly' | 'bad' | 'unknown';
  readonly answer: string;
  readonly detail: string;
}

/** Up, used, safe – in this order. */
export function answers(status: Status, dashboard: Dashboard | undefined): readonly Answer[] {
  return [isUp(status), isUsed(dashboard), isSafe(status)];
}

function isUp(status: Status): Answer {
  const question = 'Is it up?';
  if (status.listenError !== undefined) {
    return { question, verdict: 'bad', answer: 'No', detail: status.listenError };
  }
  if (!status.listening) {
    return { question, verdict: 'bad', answer: 'No', detail: 'Serving is switched off, so clients cannot pull.' };
  }
  const where = status.addresses[0] ?? 'this machine';
  const broken = status.attention.find((item) => item.severity === 'error' && isAboutUpstream(item));
  if (status.offline) {
    return {
      question,
      verdict: 'partly',
      answer: 'Yes, offline',
      detail: `Serves what is held on ${where}; upstreams are not asked.`,
    };
  }
  if (broken !== undefined) {
    return {
      question,
      verdict: 'partly',
      answer: 'Yes, partly',
      detail: `Clients reach it on ${where}, but: ${broken.title}.`,
    };
  }
  return { question, verdict: 'good', answer: 'Yes', detail: `Clients reach it on ${where}.` };
}

function isUsed(dashboard: Dashboard | undefined): Answer {
  const question = 'Is it used?';
  if (dashboard === undefined)
    return { question, verdict: 'unknown', answer: '…', detail: 'Asking for today’s figures.' };
  const { today } = dashboard;
  if (today.requests === 0) {
    return {
      question,
      verdict: 'unknown',
      answer: 'Not today',
      detail: 'No client has pulled through it since midnight.',
    };
  }
  const who = formatPlural(today.clients, 'client', 'clients');
  const saved = today.bytesSaved > 0 ? `, ${formatBytes(today.bytesSaved)} not downloaded again` : '';
  return {
    question,
    verdict: 'good',
    answer: 'Yes',
    detail: `${formatPlural(today.requests, 'request', 'requests')} by ${who} today, ${formatPercent(today.hitRatio)} from the cache${saved}.`,
  };
}

function isSafe(status: Status): Answer {
  const question = 'Is it safe?';
  const worst = status.attention.find((item) => item.severity === 'error' && !isAboutUpstream(item));
  if (worst !== undefined) return { question, verdict: 'bad', answer: 'No', detail: `${worst.title}. See below.` };
  if (status.disk.freeBytes < status.disk.floorBytes) {
    const free = formatBytes(status.disk.freeBytes);
    return {
      question,
      verdict: 'partly',
      answer: 'Partly',
      detail: `Only ${free} are free: it serves, but keeps nothing new.`,
    };
  }
  const verified = 'Every byte is verified before it is kept';
  if (status.mutualTls) {
    return {
      question,
      verdict: 'good',
      answer: 'Yes',
      detail: `${verified}; connections are encrypted and clients prove who they are.`,
    };
  }
  if (status.tls)
    return { question, verdict: 'good', answer: 'Yes', detail: `${verified}; connections are encrypted.` };
  if (status.addresses.every(isLoopback)) {
    return { question, verdict: 'good', answer: 'Yes', detail: `${verified}; only this machine can connect.` };
  }
  return {
    question,
    verdict: 'partly',
    answer: 'Partly',
    detail: `${verified}, but TLS is off: connections on the network are not encrypted.`,
  };
}

/** An upstream that fails makes the mirror less complete, not less safe: what is held was verified. */
function isAboutUpstream(item: Status['attention'][number]): boolean {
  return item.link?.startsWith('/upstreams') === true;
}

function isLoopback(address: string): boolean {
  return /^(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?$/.test(address);
}
