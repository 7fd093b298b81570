import { Meter } from './meter.tsx';
import { useNow } from './time-ago.tsx';
import { quotaDetail, quotaLevel, quotaText } from './quota.ts';
import type { Quota } from './quota.ts';

/** What is left of an upstream's pull quota, on whom it is counted and when it is full again. */
export function QuotaBar({ name, quota }: { readonly name: string; readonly quota: Quota }) {
  const now = useNow();
  const { share, tone } = quotaLevel(quota);
  const text = quotaText(quota);
  return (
    <div className="stack-small" style={{ gap: 4 }}>
      <div className="tabular">
        <strong>{text}</strong> <span className="muted small">{quotaDetail(quota, now)}</span>
      </div>
      <Meter label={`Pull quota of ${name}`} text={text} share={share} tone={tone} />
    </div>
  );
}
