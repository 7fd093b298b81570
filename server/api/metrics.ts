import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, Registry } from 'prom-client';
import type { AdminParts } from './parts.ts';

/** What the metrics read. */
export type MetricsParts = Pick<
  AdminParts,
  'version' | 'control' | 'activity' | 'audit' | 'proof' | 'upstreams' | 'requestCounts' | 'housekeeping' | 'room'
>;

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];
interface Metric {
  readonly name: string;
  readonly kind: 'counter' | 'gauge';
  readonly help: string;
  readonly labels?: readonly string[];
  readonly read: (parts: MetricsParts) => readonly Sample[] | number;
}

const lagResolutionMs = 100;
const upstreamStates = ['unknown', 'ok', 'failing', 'open'] as const;

/** Every metric but the event loop's lag; `docs/metrics.md` describes them. Names are API. */
const metrics: readonly Metric[] = [
  {
    name: 'zhi_mirror_info',
    kind: 'gauge',
    help: 'Always 1; the version is its label.',
    labels: ['version'],
    read: ({ version }) => [[{ version }, 1]],
  },
  {
    name: 'zhi_mirror_start_time_seconds',
    kind: 'gauge',
    help: 'When the mirror was started, as Unix time.',
    read: ({ control }) => control.status().startedAt / 1000,
  },
  {
    name: 'zhi_mirror_listening',
    kind: 'gauge',
    help: 'Whether clients can reach the mirror listener: 1 or 0.',
    read: ({ control }) => Number(control.status().listening),
  },
  {
    name: 'zhi_mirror_offline',
    kind: 'gauge',
    help: 'Whether the global offline switch is on: 1 or 0.',
    read: ({ control }) => Number(control.status().offline),
  },
  {
    name: 'zhi_mirror_requests_total',
    kind: 'counter',
    help: 'Pulls by what was asked for (manifest or blob) and how they ended (hit, miss, stale, failed, denied).',
    labels: ['kind', 'outcome'],
    read: ({ requestCounts }) => requestCounts.list().map(({ kind, outcome, count }) => [{ kind, outcome }, count]),
  },
  {
    name: 'zhi_mirror_served_bytes_total',
    kind: 'counter',
    help: 'Bytes of content sent to clients.',
    read: ({ activity }) => activity.totals().bytesServed,
  },
  {
    name: 'zhi_mirror_fetched_bytes_total',
    kind: 'counter',
    help: 'Bytes of content received from upstreams.',
    read: ({ activity }) => activity.totals().bytesFetched,
  },
  {
    name: 'zhi_mirror_active_transfers',
    kind: 'gauge',
    help: 'Downloads from upstreams under way.',
    read: ({ control }) => control.status().activeTransfers,
  },
  {
    name: 'zhi_mirror_clients',
    kind: 'gauge',
    help: 'Clients that asked for something in the last 10 minutes.',
    read: ({ control }) => control.status().clientsLast10Min,
  },
  {
    name: 'zhi_mirror_upstream_requests_total',
    kind: 'counter',
    help: 'Requests sent to an upstream and its token service.',
    labels: ['upstream'],
    read: perUpstream((health) => health.requests),
  },
  {
    name: 'zhi_mirror_upstream_failures_total',
    kind: 'counter',
    help: 'Requests to an upstream that failed.',
    labels: ['upstream'],
    read: perUpstream((health) => health.failures),
  },
  {
    name: 'zhi_mirror_upstream_received_bytes_total',
    kind: 'counter',
    help: 'Bytes received from an upstream, everything included.',
    labels: ['upstream'],
    read: perUpstream((health) => health.bytesReceived),
  },
  {
    name: 'zhi_mirror_upstream_state',
    kind: 'gauge',
    help: '1 for the state an upstream is in, 0 for the others; open: it is left alone after failures.',
    labels: ['upstream', 'state'],
    read: ({ upstreams }) =>
      upstreams.list().flatMap(({ settings, client }) => {
        const { state: current } = client.health();
        return upstreamStates.map((state): Sample => [{ upstream: settings.name, state }, Number(state === current)]);
      }),
  },
  {
    name: 'zhi_mirror_upstream_last_success_timestamp_seconds',
    kind: 'gauge',
    help: 'When an upstream last answered well, as Unix time; absent before the first time.',
    labels: ['upstream'],
    read: perUpstream(({ lastSuccessAt }) => (lastSuccessAt === undefined ? undefined : lastSuccessAt / 1000)),
  },
  {
    name: 'zhi_mirror_upstream_quota_limit',
    kind: 'gauge',
    help: 'Pulls an upstream allows in its window; absent when it does not say.',
    labels: ['upstream'],
    read: perUpstream((health) => health.quota?.limit),
  },
  {
    name: 'zhi_mirror_upstream_quota_remaining',
    kind: 'gauge',
    help: 'Pulls left in that window when the upstream last said so.',
    labels: ['upstream'],
    read: perUpstream((health) => health.quota?.remaining),
  },
  {
    name: 'zhi_mirror_content_bytes',
    kind: 'gauge',
    help: 'Bytes of blobs held.',
    read: ({ control }) => control.status().disk.contentBytes,
  },
  {
    name: 'zhi_mirror_disk_free_bytes',
    kind: 'gauge',
    help: 'Free bytes on the disk that holds the content.',
    read: ({ control }) => control.status().disk.freeBytes,
  },
  {
    name: 'zhi_mirror_disk_size_bytes',
    kind: 'gauge',
    help: 'Size of that disk.',
    read: ({ control }) => control.status().disk.totalBytes,
  },
  {
    name: 'zhi_mirror_disk_floor_bytes',
    kind: 'gauge',
    help: 'Below this much free space nothing new is kept.',
    read: ({ control }) => control.status().disk.floorBytes,
  },
  {
    name: 'zhi_mirror_storage_cap_bytes',
    kind: 'gauge',
    help: 'Most bytes that are kept; 0 is no cap.',
    read: ({ room }) => room.state.capBytes,
  },
  {
    name: 'zhi_mirror_storage_used_bytes',
    kind: 'gauge',
    help: 'Bytes that count against the cap: blobs, and downloads and uploads under way.',
    read: ({ room }) => room.state.usedBytes,
  },
  {
    name: 'zhi_mirror_evicted_bytes_total',
    kind: 'counter',
    help: 'Bytes that went to make room, since the start.',
    read: ({ room }) => room.state.evictedBytes,
  },
  {
    name: 'zhi_mirror_evicted_items_total',
    kind: 'counter',
    help: 'Images and other manifests that went to make room, since the start.',
    read: ({ room }) => room.state.evictedItems,
  },
  {
    name: 'zhi_mirror_not_kept_total',
    kind: 'counter',
    help: 'Blobs that found no room: passed on without being kept, or refused when they were pushed.',
    read: ({ room }) => room.state.notKept,
  },
  {
    name: 'zhi_mirror_audit_queue_ratio',
    kind: 'gauge',
    help: 'How full the queue of audit lines is: 0 is empty, at 1 pulls wait for the disk.',
    read: ({ audit }) => audit.pressure(),
  },
  {
    name: 'zhi_mirror_audit_lost_events_total',
    kind: 'counter',
    help: 'Audit events that found neither room nor disk since the start.',
    read: ({ audit }) => audit.health().lostEvents,
  },
  {
    name: 'zhi_mirror_audit_lines_total',
    kind: 'counter',
    help: 'Number of the last line of the audit log.',
    read: ({ audit }) => audit.lastSeq,
  },
  {
    name: 'zhi_mirror_audit_forward_behind_lines',
    kind: 'gauge',
    help: 'Lines of the audit log that a receiver has not got yet.',
    labels: ['receiver'],
    read: ({ proof }) => proof.forwarders.states().map(({ name, linesBehind }) => [{ receiver: name }, linesBehind]),
  },
  {
    name: 'zhi_mirror_audit_forward_behind_bytes',
    kind: 'gauge',
    help: 'Bytes of the audit log that a receiver has not got yet.',
    labels: ['receiver'],
    read: ({ proof }) => proof.forwarders.states().map(({ name, bytesBehind }) => [{ receiver: name }, bytesBehind]),
  },
  {
    name: 'zhi_mirror_audit_forward_failing',
    kind: 'gauge',
    help: 'Whether a receiver of the audit log fails now: 1 or 0.',
    labels: ['receiver'],
    read: ({ proof }) =>
      proof.forwarders.states().map(({ name, error }) => [{ receiver: name }, Number(error !== undefined)]),
  },
  {
    name: 'zhi_mirror_audit_forward_skipped_lines_total',
    kind: 'counter',
    help: 'Lines of the audit log that a receiver will never get.',
    labels: ['receiver'],
    read: ({ proof }) => proof.forwarders.states().map(({ name, skipped }) => [{ receiver: name }, skipped]),
  },
  {
    name: 'zhi_mirror_scrub_running',
    kind: 'gauge',
    help: 'Whether stored content is being read again now: 1 or 0.',
    read: ({ housekeeping }) => Number(housekeeping.scrub.isRunning),
  },
  {
    name: 'zhi_mirror_scrub_checked_bytes_total',
    kind: 'counter',
    help: 'Bytes of stored blobs read again since the start.',
    read: ({ housekeeping }) => housekeeping.scrub.counts.checkedBytes,
  },
  {
    name: 'zhi_mirror_scrub_last_finished_timestamp_seconds',
    kind: 'gauge',
    help: 'When everything stored was last read again, as Unix time; absent before the first time.',
    read: ({ housekeeping }) => {
      const at = housekeeping.scrub.lastFinishedAt;
      return at === undefined ? [] : [[{}, at / 1000]];
    },
  },
  {
    name: 'zhi_mirror_damaged_found_total',
    kind: 'counter',
    help: 'Blobs and manifests found damaged since the start.',
    read: ({ housekeeping }) => housekeeping.scrub.counts.damaged,
  },
  {
    name: 'zhi_mirror_damaged_repaired_total',
    kind: 'counter',
    help: 'Damaged blobs and manifests that became whole again since the start.',
    read: ({ housekeeping }) => housekeeping.scrub.counts.repaired,
  },
  {
    name: 'zhi_mirror_damaged',
    kind: 'gauge',
    help: 'Blobs and manifests that are damaged and not repaired.',
    read: ({ housekeeping }) => housekeeping.scrub.unrepaired,
  },
  {
    name: 'zhi_mirror_process_resident_memory_bytes',
    kind: 'gauge',
    help: 'Memory of the process.',
    read: () => process.memoryUsage.rss(),
  },
  {
    name: 'zhi_mirror_process_heap_bytes',
    kind: 'gauge',
    help: "Used part of the process's JavaScript heap.",
    read: () => process.memoryUsage().heapUsed,
  },
];

/** The metrics of a running mirror; read when somebody asks, never beside requests. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #lag = monitorEventLoopDelay({ resolution: lagResolutionMs });

  constructor(parts: MetricsParts) {
    for (const metric of metrics) this.#add(metric, parts);
    this.#addLag();
    this.#lag.enable();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Everything, in Prometheus' text format. */
  async text(): Promise<string> {
    return await this.#registry.metrics();
  }

  close(): void {
    this.#lag.disable();
    this.#registry.clear();
  }

  #add({ name, kind, help, labels = [], read }: Metric, parts: MetricsParts): void {
    const common = { name, help, labelNames: [...labels], registers: [this.#registry] };
    const samples = (): readonly Sample[] => {
      const found = read(parts);
      return typeof found === 'number' ? [[{}, found]] : found;
    };
    if (kind === 'gauge') {
      const gauge: Gauge = new Gauge({
        ...common,
        collect: () => {
          gauge.reset();
          for (const [of, value] of samples()) gauge.set(of, value);
        },
      });
      return;
    }
    const counter: Counter = new Counter({
      ...common,
      collect: () => {
        counter.reset();
        for (const [of, value] of samples()) counter.inc(of, value);
      },
    });
  }

  #addLag(): void {
    const gauge: Gauge = new Gauge({
      name: 'zhi_mirror_event_loop_lag_p99_seconds',
      help: 'How late the event loop was since the last scrape, 99th percentile.',
      registers: [this.#registry],
      collect: () => {
        // the histogram counts the timer's own wait, too
        gauge.set(Math.max(0, this.#lag.percentile(99) / 1e9 - lagResolutionMs / 1000));
        this.#lag.reset();
      },
    });
  }
}

function perUpstream(
  value: (
    health: ReturnType<ReturnType<AdminParts['upstreams']['list']>[number]['client']['health']>,
  ) => number | undefined,
): Metric['read'] {
  return ({ upstreams }) =>
    upstreams.list().flatMap(({ settings, client }): Sample[] => {
      const found = value(client.health());
      return found === undefined ? [] : [[{ upstream: settings.name }, found]];
    });
}
