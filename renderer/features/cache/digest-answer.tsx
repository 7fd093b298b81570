import { Link } from 'react-router';
import { useRepositories } from '../../api/queries.ts';
import type { RepositoryFilter } from '../../api/queries.ts';
import { Note } from '../../components/error-note.tsx';
import { formatPlural } from '../../format.ts';

/** More repositories than this are only counted. */
const linksShown = 8;

/** Where a digest is held, with the way to it. */
export function DigestAnswer({ digest, filter }: { readonly digest: string; readonly filter: RepositoryFilter }) {
  const { data } = useRepositories(filter);
  const repositories = data?.pages.flatMap((page) => page.repositories) ?? [];
  const total = data?.pages[0]?.total ?? 0;
  if (total === 0) return null;
  return (
    <Note tone="info">
      This digest is held in {formatPlural(total, 'repository', 'repositories')}:
      <ul>
        {repositories.slice(0, linksShown).map(({ name }) => (
          <li key={name}>
            <Link
              to={`/cache?${new URLSearchParams({ text: digest, repository: name, reference: digest }).toString()}`}
            >
              {name}
            </Link>
          </li>
        ))}
      </ul>
    </Note>
  );
}
