import { Link } from 'react-router';
import type { Status } from '../../../server/api/contract.ts';
import { Section } from '../../components/page.tsx';
import { SeverityBadge } from '../../components/states.tsx';
import styles from './dashboard.module.css';

/** Pages that exist, for the words of a link. */
const pageNames: readonly (readonly [string, string])[] = [
  ['/upstreams', 'Open Upstreams'],
  ['/cache', 'Open Cache'],
  ['/storage', 'Open Storage'],
  ['/audit', 'Open Audit'],
  ['/policies', 'Open Policies'],
  ['/about', 'Open About'],
];

/** What needs a person: what happened, why, what to do; nothing at all when all is well. */
export function AttentionList({ items }: { readonly items: Status['attention'] }) {
  if (items.length === 0) return null;
  return (
    <Section title="Needs attention">
      <ul className={`panel ${styles['attention'] ?? ''}`}>
        {items.map((item) => (
          <li key={item.id}>
            <SeverityBadge severity={item.severity} />
            <div>
              <h3>{item.title}</h3>
              <p className="muted">{item.detail}</p>
            </div>
            <HelpLink link={item.link} />
          </li>
        ))}
      </ul>
    </Section>
  );
}

/** Only pages that are built are linked to. */
function HelpLink({ link }: { readonly link: string | undefined }) {
  const page = pageNames.find(
    ([path]) => link === path || link?.startsWith(`${path}/`) === true || link?.startsWith(`${path}?`) === true,
  );
  if (link === undefined || page === undefined) return null;
  return <Link to={link}>{page[1]}</Link>;
}
