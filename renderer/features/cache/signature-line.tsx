import type { RouteResponse } from '../../../server/api/contract.ts';
import { useSignatures } from '../../api/queries.ts';
import { StateBadge } from '../../components/state-badge.tsx';
import type { BadgeProps } from '../../components/state-badge.tsx';
import { formatDateTime } from '../../format.ts';

type Report = RouteResponse<'getSignatures'>;

const looks: Readonly<Record<Report['state'], Pick<BadgeProps, 'shape' | 'tone'> & { readonly word: string }>> = {
  verified: { shape: 'tick', tone: 'ok', word: 'Verified' },
  unsigned: { shape: 'ring', tone: 'warn', word: 'Unsigned' },
  'not-checked': { shape: 'ring', tone: 'quiet', word: 'Not checked' },
  failed: { shape: 'octagon', tone: 'bad', word: 'Check failed' },
};

/** Who signed a manifest, in one line: always one of the four states, with its reason. */
export function SignatureLine({ repository, reference }: { readonly repository: string; readonly reference: string }) {
  const { data, isPending } = useSignatures({ repository, reference });
  if (isPending) return <p className="muted">Signature: looking …</p>;
  if (data === undefined) return <p className="muted">Signature: it could not be asked for.</p>;
  const { shape, tone, word } = looks[data.state];
  const when = data.signatures.find(({ signedAt }) => signedAt !== undefined)?.signedAt;
  const at = data.state === 'verified' && when !== undefined ? `, signed ${formatDateTime(when)}` : '';
  return (
    <p style={{ overflowWrap: 'anywhere' }}>
      Signature:{' '}
      <StateBadge shape={shape} tone={tone}>
        {word}
      </StateBadge>{' '}
      <span className="muted">
        {data.detail}
        {at}
      </span>
    </p>
  );
}
