import type { Status } from '../../server/api/contract.ts';
import { formatPlural } from '../format.ts';

/** What stands beside the state in the header. PURE. */

/** The state that may honestly be shown: what cannot be reached is not "running", however it was a moment ago. */
export function shownState(
  status: Status | undefined,
  isFailing: boolean,
): Status['state'] | 'unreachable' | undefined {
  if (isFailing) return 'unreachable';
  return status?.state;
}

/** One short sentence beside the state; clients are those of the last ten minutes. */
export function statusSentence(status: Status | undefined, isFailing: boolean): string {
  if (isFailing) return 'The mirror does not answer. Trying again.';
  if (status === undefined) return 'Asking the mirror how it is.';
  if (status.listenError !== undefined) return status.listenError;
  if (!status.listening) return 'Not serving: clients cannot pull from this mirror.';
  const parts = [formatPlural(status.clientsLast10Min, 'client', 'clients')];
  if (status.activeTransfers > 0) parts.push(formatPlural(status.activeTransfers, 'transfer', 'transfers'));
  if (status.offline) parts.push('upstreams are not asked');
  return parts.join(' · ');
}

/** What switching the mirror off would mean for those who use it. */
export function stopWarning(status: Status): string {
  const { clientsLast10Min: clients, activeTransfers: transfers } = status;
  const used =
    clients === 0
      ? 'No client used this mirror in the last 10 minutes.'
      : `${formatPlural(clients, 'client', 'clients')} used this mirror in the last 10 minutes.`;
  const cut =
    transfers === 0 ? '' : ` ${formatPlural(transfers, 'transfer is', 'transfers are')} under way and will break.`;
  return `${used}${cut} Until you switch it on again, pulls through it fail or wait for a timeout.`;
}
