import type { ReactNode } from 'react';
import type { ManifestDetail } from '../../../server/api/contract.ts';
import { Command } from '../../components/command.tsx';
import { CopyButton } from '../../components/copy-button.tsx';
import { KeyValue } from '../../components/key-value.tsx';
import { StateBadge } from '../../components/state-badge.tsx';
import { TimeAgo } from '../../components/time-ago.tsx';
import { formatBytes, formatPlural, shortDigest } from '../../format.ts';
import { prettyManifest } from './pretty-manifest.ts';
import styles from './cache.module.css';

interface ManifestContentProps {
  readonly manifest: ManifestDetail;
  /** Opens another manifest of the same repository. */
  readonly onOpen: (digest: string) => void;
}

/** A manifest in full: facts, pull commands, what the page adds, children, layers, referrers, annotations, and itself byte for byte. */
export function ManifestContent({
  manifest,
  onOpen,
  children,
}: ManifestContentProps & { readonly children?: ReactNode }) {
  const annotations = Object.entries(manifest.annotations);
  return (
    <>
      <Facts manifest={manifest} onOpen={onOpen} />
      {manifest.pullCommands.length === 0 ? null : (
        <Part title="Pull commands">
          <div className={styles['commands']}>
            {manifest.pullCommands.map(({ tool, command }) => (
              <PullCommand key={tool + command} tool={tool} command={command} />
            ))}
          </div>
        </Part>
      )}
      {children}
      {manifest.manifests.length === 0 ? null : <Children manifest={manifest} onOpen={onOpen} />}
      {manifest.layers.length === 0 && manifest.config === undefined ? null : <Layers manifest={manifest} />}
      <Referrers manifest={manifest} onOpen={onOpen} />
      {annotations.length === 0 ? null : (
        <Part title="Annotations">
          <KeyValue facts={annotations} />
        </Part>
      )}
      <Raw manifest={manifest} />
    </>
  );
}

function Part({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      {children}
    </section>
  );
}

function PullCommand({ tool, command }: { readonly tool: string; readonly command: string }) {
  return (
    <>
      <span className="muted small">{tool}</span>
      <Command text={command} what={`${tool} command`} />
    </>
  );
}

function Facts({ manifest, onOpen }: ManifestContentProps) {
  return (
    <KeyValue
      facts={[
        [
          'Digest',
          <span key="digest">
            <code>{manifest.digest}</code> <CopyButton text={manifest.digest} what="digest" />
          </span>,
        ],
        ['Media type', <code key="type">{manifest.mediaType}</code>],
        [
          'Artifact type',
          manifest.artifactType === undefined ? undefined : <code key="artifact">{manifest.artifactType}</code>,
        ],
        ['Manifest size', formatBytes(manifest.sizeBytes)],
        ['Tags', manifest.tags.length === 0 ? 'none' : manifest.tags.join(', ')],
        [
          'Belongs to',
          manifest.subject === undefined ? undefined : (
            <DigestLink key="subject" digest={manifest.subject} onOpen={onOpen} />
          ),
        ],
        ['First seen', <TimeAgo key="first" at={manifest.firstSeenAt} />],
        ['Last pulled', <TimeAgo key="pulled" at={manifest.lastPulledAt} />],
        ['Pinned', manifest.pinned ? 'yes: it is never evicted' : 'no'],
      ]}
    />
  );
}

function DigestLink({ digest, onOpen }: { readonly digest: string; readonly onOpen: (digest: string) => void }) {
  return (
    <button
      type="button"
      className={styles['linkButton']}
      title={digest}
      onClick={() => {
        onOpen(digest);
      }}
    >
      {shortDigest(digest)}
    </button>
  );
}

function Held({ isHeld }: { readonly isHeld: boolean }) {
  return (
    <StateBadge shape={isHeld ? 'disc' : 'ring'} tone={isHeld ? 'ok' : 'quiet'} plain>
      {isHeld ? 'held' : 'not held'}
    </StateBadge>
  );
}

interface TableProps {
  readonly title: string;
  readonly heads: readonly string[];
  readonly children: ReactNode;
}

/** The last two columns are size and whether it is held. */
function DescriptorTable({ title, heads, children }: TableProps) {
  return (
    <div className={styles['scroll']} tabIndex={0} role="group" aria-label={title}>
      <table className={styles['table']}>
        <thead>
          <tr>
            {heads.map((head) => (
              <th key={head} scope="col" className={head === 'Size' ? (styles['num'] ?? '') : ''}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

function Children({ manifest, onOpen }: ManifestContentProps) {
  const held = manifest.manifests.filter((one) => one.held).length;
  const title = `Platforms, ${String(held)} of ${String(manifest.manifests.length)} held`;
  return (
    <Part title={title}>
      <DescriptorTable title={title} heads={['Platform', 'Digest', 'Size', 'State']}>
        {manifest.manifests.map((child) => (
          <tr key={child.digest}>
            <td>{child.platform ?? '–'}</td>
            <td>
              {child.held ? (
                <DigestLink digest={child.digest} onOpen={onOpen} />
              ) : (
                <code>{shortDigest(child.digest)}</code>
              )}
            </td>
            <td className={styles['num']}>{formatBytes(child.size)}</td>
            <td>
              <Held isHeld={child.held} />
            </td>
          </tr>
        ))}
      </DescriptorTable>
    </Part>
  );
}

function Layers({ manifest }: { readonly manifest: ManifestDetail }) {
  const total = manifest.layers.reduce((sum, layer) => sum + layer.size, 0);
  const title = `${formatPlural(manifest.layers.length, 'layer', 'layers')}, ${formatBytes(total)}`;
  return (
    <Part title={title}>
      <DescriptorTable title={title} heads={['Digest', 'Media type', 'Used by', 'Size', 'State']}>
        {manifest.config === undefined ? null : <BlobRow blob={manifest.config} use="config" />}
        {manifest.layers.map((layer, index) => (
          <BlobRow
            key={`${String(index)} ${layer.digest}`}
            blob={layer}
            use={layer.sharedBy > 1 ? formatPlural(layer.sharedBy, 'manifest', 'manifests') : 'only this'}
          />
        ))}
      </DescriptorTable>
    </Part>
  );
}

interface BlobRowProps {
  readonly blob: NonNullable<ManifestDetail['config']>;
  readonly use: string;
}

function BlobRow({ blob, use }: BlobRowProps) {
  return (
    <tr>
      <td>
        <code title={blob.digest}>{shortDigest(blob.digest)}</code>
      </td>
      <td className="muted" style={{ overflowWrap: 'anywhere' }}>
        {blob.mediaType}
      </td>
      <td>{use}</td>
      <td className={styles['num']}>{formatBytes(blob.size)}</td>
      <td>
        <Held isHeld={blob.held} />
      </td>
    </tr>
  );
}

function Referrers({ manifest, onOpen }: ManifestContentProps) {
  if (manifest.referrers.length === 0) {
    return (
      <Part title="Referrers">
        <p className="muted">
          None is held. Signatures and SBOMs appear here once a client has asked for them; an empty list does not mean
          “unsigned”.
        </p>
      </Part>
    );
  }
  return (
    <Part title="Referrers">
      <DescriptorTable title="Referrers" heads={['Artifact type', 'Digest', 'Size', 'State']}>
        {manifest.referrers.map((one) => (
          <tr key={one.digest}>
            <td style={{ overflowWrap: 'anywhere' }}>{one.artifactType ?? one.mediaType}</td>
            <td>
              {one.held ? <DigestLink digest={one.digest} onOpen={onOpen} /> : <code>{shortDigest(one.digest)}</code>}
            </td>
            <td className={styles['num']}>{formatBytes(one.size)}</td>
            <td>
              <Held isHeld={one.held} />
            </td>
          </tr>
        ))}
      </DescriptorTable>
    </Part>
  );
}

function Raw({ manifest }: { readonly manifest: ManifestDetail }) {
  return (
    <details>
      <summary>Manifest as JSON</summary>
      <div className="stack-small" style={{ marginTop: 8 }}>
        <div>
          <CopyButton text={manifest.content} what="manifest" withWords />
        </div>
        <pre className={styles['raw']} tabIndex={0} aria-label="Manifest as JSON">
          {prettyManifest(manifest.content)}
        </pre>
        <p className="muted small">
          Indented for reading; “Copy manifest” copies it byte for byte, as its digest was made.
        </p>
      </div>
    </details>
  );
}
