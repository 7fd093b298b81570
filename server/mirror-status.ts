import { reachableAddresses } from './http/addresses.ts';
import type { MirrorConfig } from './app.types.ts';
import type { MirrorParts } from './app-parts.ts';
import type { Status } from './api/contract.ts';
import { parseAddress } from './config/address.ts';
import { formatSize } from './config/quantities.ts';
import { pullExample } from './pull-example.ts';

/** What the status needs to know of the doors. */
export interface DoorState {
  readonly listening: boolean;
  readonly listenError: string | undefined;
  readonly port: number;
  readonly startedAt: number;
  /** Accounts whose password can't be read any more. */
  readonly unreadableAccounts: readonly string[];
}

/** Figures that cost a system call or a query; refreshed beside the requests, never by them. */
export interface DiskFigures {
  readonly contentBytes: number;
  readonly freeBytes: number;
  readonly totalBytes: number;
}

const tenMinutesMs = 600_000;

type Attention = Status['attention'][number];

/** The mirror's own account of itself: honest, so "running" is said only when it serves and nothing needs a person. */
export function describeStatus(config: MirrorConfig, parts: MirrorParts, door: DoorState, disk: DiskFigures): Status {
  const { settings } = config;
  const attention = [
    ...doorAttention(door),
    ...diskAttention(parts, disk),
    ...capAttention(parts),
    ...volumeAttention(parts),
    ...upstreamAttention(parts),
    ...auditAttention(parts),
    ...auditProofAttention(parts),
    ...accountAttention(door),
    ...damageAttention(parts),
    ...policyAttention(parts),
  ];
  const address = parseAddress(settings.listen) ?? { host: '', port: door.port };
  const isTls = settings.tls.cert !== '';
  const active = parts.blobCache.active;
  const isWrong = attention.some((item) => item.severity !== 'info');
  return {
    version: config.version,
    startedAt: door.startedAt,
    state: !door.listening ? 'stopped' : isWrong ? 'attention' : active > 0 ? 'working' : 'running',
    listening: door.listening,
    ...(door.listenError === undefined ? {} : { listenError: door.listenError }),
    addresses: reachableAddresses(address.host, door.port),
    tls: isTls,
    mutualTls: isTls && settings.tls.clientCa !== '',
    pullExample: pullExample({ address: localAddress(address.host, door.port), isTls }, parts),
    offline: parts.upstreams.isOffline,
    defaultUpstream: parts.upstreams.defaultName,
    dataDirectory: settings.dataDirectory,
    disk: { ...disk, floorBytes: parts.live.values.freeSpaceFloor },
    activeTransfers: active,
    clientsLast10Min: parts.activity.clientsLast(tenMinutesMs),
    attention,
  };
}

/** The listener as this machine reaches it. */
function localAddress(host: string, port: number): string {
  const name =
    host === '' || host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `${name}:${String(port)}`;
}

function doorAttention(door: DoorState): Attention[] {
  if (door.listening || door.listenError === undefined) return [];
  return [
    { id: 'listener', severity: 'error', title: 'The mirror is not reachable', detail: door.listenError, link: '/' },
  ];
}

/** A refusal older than this is history. */
const refusalMs = 600_000;

function diskAttention(parts: MirrorParts, disk: DiskFigures): Attention[] {
  const { refusal, floorBytes } = parts.room.state;
  const isRefused =
    refusal?.limit === 'floor' && refusal.directory === undefined && parts.clock.now() - refusal.at < refusalMs;
  if (disk.totalBytes === 0 || (disk.freeBytes >= floorBytes && !isRefused)) return [];
  return [
    {
      id: 'disk',
      severity: 'error',
      title: 'The disk is nearly full: nothing new is kept',
      detail: `Less than ${formatSize(floorBytes)} would stay free, and nothing cached is left that may go. Pulls still work, but each is fetched from its upstream again. Free space on the disk, or delete content in Cache.`,
      link: '/storage',
    },
  ];
}

function capAttention(parts: MirrorParts): Attention[] {
  const { refusal, capBytes, pushedBytes } = parts.room.state;
  if (capBytes === 0) return [];
  const isRefused = refusal?.limit === 'cap' && parts.clock.now() - refusal.at < refusalMs;
  if (pushedBytes <= capBytes && !isRefused) return [];
  return [
    {
      id: 'storage-cap',
      severity: pushedBytes > capBytes ? 'error' : 'warning',
      title: 'The storage cap leaves no room',
      detail: `What is pushed or pinned never goes by itself, and with the cap of ${formatSize(capBytes)} it leaves no room for the last blob. Pulls of new content are passed on without being kept, and pushes that do not fit are refused. Raise the cap, unpin, or delete content.`,
      link: '/storage',
    },
  ];
}

function volumeAttention(parts: MirrorParts): Attention[] {
  const { refusal, floorBytes } = parts.room.state;
  const missing = parts.layout.volumes.missing().map(({ directory, why }): Attention => ({
    id: `storage-path-${directory}`,
    severity: 'error',
    title: `${directory} is not there`,
    detail: `It ${why}. What is kept in it is not lost, but not served: cached content is fetched again and passed on, pushed content is refused. Mount its disk and start the mirror again.`,
    link: '/storage',
  }));
  const { directory } = refusal ?? {};
  if (refusal === undefined || directory === undefined || parts.clock.now() - refusal.at >= refusalMs) return missing;
  return [
    ...missing,
    {
      id: 'storage-path-full',
      severity: 'warning',
      title: `The disk of ${directory} is nearly full`,
      detail: `Less than ${formatSize(floorBytes)} would stay free there. Pulls of its repositories are passed on without being kept, and pushes to them are refused. Free space on that disk, or delete content of these repositories in Cache.`,
      link: '/storage',
    },
  ];
}

function upstreamAttention(parts: MirrorParts): Attention[] {
  return parts.upstreams.list().flatMap((upstream): Attention[] => {
    const health = upstream.client.health();
    if (
      upstream.settings.mode === 'offline' ||
      parts.upstreams.isOffline ||
      (health.state !== 'failing' && health.state !== 'open')
    )
      return [];
    const { name } = upstream.settings;
    return [
      {
        id: `upstream-${name}`,
        severity: 'warning',
        title: `${name} does not answer as it should`,
        detail: `${health.lastError ?? 'It failed'}. What is held is served, marked stale; new content has to wait.`,
        link: '/upstreams',
      },
    ];
  });
}

function accountAttention(door: DoorState): Attention[] {
  if (door.unreadableAccounts.length === 0) return [];
  return [
    {
      id: 'accounts',
      severity: 'warning',
      title: 'Stored passwords cannot be read',
      detail: `They were sealed with another key, so these accounts are not used: ${door.unreadableAccounts.join(', ')}. Enter their passwords again.`,
      link: '/upstreams',
    },
  ];
}

function damageAttention(parts: MirrorParts): Attention[] {
  const count = parts.housekeeping.scrub.unrepaired;
  if (count === 0) return [];
  return [
    {
      id: 'damage',
      severity: 'error',
      title: count === 1 ? 'Stored content is damaged' : `${String(count)} pieces of stored content are damaged`,
      detail:
        'They were set aside and are not served. What has an upstream is fetched again; Storage lists the tags that need what has none: push it again.',
      link: '/storage',
    },
  ];
}

function policyAttention(parts: MirrorParts): Attention[] {
  const { problems, file } = parts.policy.view();
  const [first] = problems;
  if (first === undefined) return [];
  const more = problems.length === 1 ? '' : ` And ${String(problems.length - 1)} more.`;
  return [
    {
      id: 'policy',
      severity: 'error',
      title: 'The last edit of the policy does not hold',
      detail: `The policy before it does. ${first}${more} Correct ${file ?? 'it'}; it is read again by itself.`,
      link: '/policies',
    },
  ];
}

function auditProofAttention({ audit, proof }: MirrorParts): Attention[] {
  const { missing } = audit;
  const cut: Attention[] =
    missing === undefined
      ? []
      : [
          {
            id: 'audit-cut',
            severity: 'error',
            title: 'The audit log was cut short',
            detail: `Lines ${String(missing.from)} to ${String(missing.to)} had been signed and were gone at the start. Put the files back from a backup and run "zhi-mirror audit verify"; the hole stays visible in the log.`,
            link: '/audit',
          },
        ];
  const troubled = proof.forwarders.states().filter((state) => state.isTroubled);
  return [
    ...cut,
    ...troubled.map(({ name, error, linesBehind, bytesBehind, queueLimit }): Attention => ({
      id: `audit-forward-${name}`,
      severity: bytesBehind > queueLimit / 2 ? 'error' : 'warning',
      title: `The receiver ${name} of the audit log lags behind`,
      detail: `${String(linesBehind)} lines (${formatSize(bytesBehind)} of at most ${formatSize(queueLimit)}) wait${error === undefined ? '' : `: ${error}`}. They are sent when it is back; beyond the limit the oldest are left out.`,
      link: '/audit',
    })),
  ];
}

function auditAttention(parts: MirrorParts): Attention[] {
  const health = parts.audit.health();
  if (health.state === 'ok') return [];
  const why = health.problem?.message ?? 'the disk refuses';
  const isFailing = health.state === 'failing';
  return [
    {
      id: 'audit',
      severity: isFailing ? 'error' : 'warning',
      title: isFailing ? 'The audit log cannot be written' : 'The search of the audit log lags behind',
      detail: isFailing
        ? `Its lines wait in memory: ${why}. Free space or mend the disk; nothing is lost meanwhile.`
        : `${why}. Every line is written all the same.`,
      link: '/',
    },
  ];
}
