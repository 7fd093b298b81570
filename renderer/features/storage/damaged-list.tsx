import { useState } from 'react';
import { Button } from '@mantine/core';
import type { RouteResponse } from '../../../server/api/contract.ts';
import { CopyButton } from '../../components/copy-button.tsx';
import { StateBadge } from '../../components/state-badge.tsx';
import { TimeAgo } from '../../components/time-ago.tsx';
import { formatBytes, shortArtifact, shortDigest } from '../../format.ts';
import styles from './damaged-list.module.css';

type Damaged = RouteResponse<'getScrub'>['damaged'][number];

/** Names shown before the rest is asked for. */
const shownNames = 5;

/** What was found damaged: which tags cannot be pulled because of it, and whether it is whole again. */
export function DamagedList({ damaged }: { readonly damaged: readonly Damaged[] }) {
  return (
    <ul className={styles['list']} aria-label="Damaged content">
      {damaged.map((one) => (
        <li key={one.digest}>
          {one.repairedAt === undefined ? (
            <StateBadge shape="octagon" tone="bad">
              Damaged
            </StateBadge>
          ) : (
            <StateBadge shape="tick" tone="ok">
              Repaired
            </StateBadge>
          )}
          <DamagedItem damaged={one} />
        </li>
      ))}
    </ul>
  );
}

function DamagedItem({ damaged }: { readonly damaged: Damaged }) {
  const { digest, kind, size, reason, foundAt, repairedAt, problem, breaks } = damaged;
  return (
    <div className={styles['item']}>
      <div className="row">
        <span>
          {kind === 'manifest' ? 'Manifest' : 'Blob'} <code title={digest}>{shortDigest(digest)}</code>
        </span>
        <CopyButton text={digest} what="digest" />
        <span className="muted small tabular">
          {formatBytes(size)}, {reason}, found <TimeAgo at={foundAt} />
          {repairedAt === undefined ? null : (
            <>
              , whole again <TimeAgo at={repairedAt} />
            </>
          )}
        </span>
      </div>
      {breaks.length === 0 ? null : <Breaks names={breaks} />}
      {problem === undefined ? null : <p className="small">{problem}</p>}
    </div>
  );
}

function Breaks({ names }: { readonly names: readonly string[] }) {
  const [isOpen, setOpen] = useState(false);
  const shown = isOpen ? names : names.slice(0, shownNames);
  return (
    <div className="row small">
      <span>Cannot be pulled without it:</span>
      {shown.map((name) => (
        <code key={name} title={name}>
          {shortArtifact(name)}
        </code>
      ))}
      {names.length > shown.length ? (
        <Button
          size="compact-xs"
          variant="subtle"
          onClick={() => {
            setOpen(true);
          }}
        >
          {`${String(names.length - shown.length)} more`}
        </Button>
      ) : null}
    </div>
  );
}
