import type { Dashboard } from '../../../server/api/contract.ts';
import { Section } from '../../components/page.tsx';
import { TimeAgo } from '../../components/time-ago.tsx';
import { formatCount, formatPercent } from '../../format.ts';
import styles from './dashboard.module.css';

/** Who used the mirror in the last 24 hours. */
export function ClientTable({ clients }: { readonly clients: Dashboard['clients'] }) {
  return (
    <Section title="Clients of the last 24 hours">
      <div
        className={`panel ${styles['scroll'] ?? ''}`}
        tabIndex={0}
        role="group"
        aria-label="Clients of the last 24 hours"
      >
        <table className={styles['clients']}>
          <thead>
            <tr>
              <th scope="col">Client</th>
              <th scope="col">Tool</th>
              <th scope="col">Last seen</th>
              <th scope="col" className={styles['num']}>
                Requests
              </th>
              <th scope="col" className={styles['num']}>
                Hit ratio
              </th>
            </tr>
          </thead>
          <tbody>
            {clients.map((client) => (
              <tr key={client.clientIp}>
                <th scope="row">{client.clientIp}</th>
                <td className="muted">{client.userAgent ?? '–'}</td>
                <td>
                  <TimeAgo at={client.lastSeenAt} />
                </td>
                <td className={styles['num']}>{formatCount(client.requests)}</td>
                <td className={styles['num']}>
                  {formatPercent(client.requests === 0 ? null : client.hits / client.requests)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {clients.length < 50 ? null : (
        <p className="muted small">The 50 most recent clients are shown; the audit has all.</p>
      )}
    </Section>
  );
}
