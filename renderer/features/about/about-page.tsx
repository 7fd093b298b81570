import { useStatus } from '../../api/queries.ts';
import { Command } from '../../components/command.tsx';
import { KeyValue } from '../../components/key-value.tsx';
import { Page, Section } from '../../components/page.tsx';
import { TimeAgo } from '../../components/time-ago.tsx';
import { desktop } from '../../desktop.ts';
import { ThisComputer } from './this-computer.tsx';

/** What the product promises and this release does not have yet. */
const missing: readonly (readonly [string, string])[] = [
  ['Policies', 'rules that allow, deny, hold or require a signature'],
  ['Sync', 'scheduled pulls and promotion'],
  ['Export and import', 'bundles for isolated networks'],
  [
    'TLS and access',
    'an own authority, client certificates, users; certificates are set by flags and the settings file',
  ],
  ['Clients', 'setting up Docker, containerd and Podman from here'],
  ['Settings', 'everything else is set by flags and the settings file'],
];

/** Version, places, and what is not built yet. */
export function AboutPage() {
  const { data } = useStatus();
  return (
    <Page title="About">
      <div className="panel panel-body">
        <KeyValue
          facts={[
            ['Version', data?.version],
            ['Running since', data === undefined ? undefined : <TimeAgo key="since" at={data.startedAt} />],
            ['Runs as', desktop() === undefined ? 'server, shown in a browser' : 'desktop app'],
            [
              'Data directory',
              data === undefined ? undefined : <Command key="data" text={data.dataDirectory} what="data directory" />,
            ],
            ['TLS', data === undefined ? undefined : tlsText(data.tls, data.mutualTls)],
            ['Default upstream', data?.defaultUpstream],
          ]}
        />
      </div>
      <ThisComputer />
      <Section title="Not built yet">
        <div className="panel panel-body">
          <KeyValue facts={missing} />
        </div>
      </Section>
    </Page>
  );
}

function tlsText(isTls: boolean, isMutual: boolean): string {
  if (isMutual) return 'on; clients need a certificate';
  return isTls ? 'on' : 'off: connections are not encrypted';
}
