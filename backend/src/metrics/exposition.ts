/**
 * The Prometheus exposition, made from the counters when it is asked for: the hot path adds to plain numbers and never meets
 * prom-client. Labels come from the configuration only (tenants, shards), so nobody outside can make new series.
 */

import { RENDERINGS } from '@fractal-lba/protocol/signing/renderings'
import { type HistogramSnapshot, upperMsOf } from '@fractal-lba/protocol/telemetry/histogram'
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { type Counters, STAGES } from './counters.ts'

/** What a tenant did, as whoever counts it knows. */
export interface TenantReading {
  readonly id: string
  readonly counters: {
    readonly ingested: number
    readonly accepted: number
    readonly escalated: number
    readonly quotaExceeded: number
    readonly signatureErrors: number
  }
}

export interface ExpositionParts {
  readonly counters: Counters
  readonly tenants: () => Iterable<TenantReading>
  readonly walBacklog: () => number
  readonly waitingForStore: () => number
  readonly shards: () => readonly {
    readonly id: string
    readonly reachable: boolean
    readonly epoch: number
    readonly regressed: boolean
  }[]
  readonly ready: () => boolean
}

/** Upper bounds in seconds; finer ones are in the pod's report. */
const BOUNDS_SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]

const PLAIN: readonly [name: string, help: string, read: (counters: Counters) => number][] = [
  ['flk_ingest_total', 'Submissions that reached the log', (counters) => counters.ingested],
  ['flk_dedup_hits', 'Submissions of a pcs_id that was decided already', (counters) => counters.dedupHits],
  ['flk_accepted', 'Summaries verified and accepted', (counters) => counters.accepted],
  ['flk_escalated', 'Summaries escalated for review', (counters) => counters.escalated],
  ['flk_signature_errors', 'Submissions whose signature did not verify', (counters) => counters.signatureErrors],
  ['flk_wal_errors', 'Submissions that the write-ahead log did not take', (counters) => counters.walErrors],
  [
    'flk_equivocations',
    'Submissions with other content than the decided one of their pcs_id',
    (counters) => counters.equivocations,
  ],
  ['flk_reroutes', 'Claims sent on to another shard because the first did not own the slot', (counters) => counters.reroutes],
  ['flk_deferred', 'Claims the dedup store gave no decision for in time', (counters) => counters.deferred],
]

const BY_TENANT: readonly [name: string, help: string, read: (counters: TenantReading['counters']) => number][] = [
  ['flk_ingest_total_by_tenant', 'Submissions that reached the log, by tenant', (counters) => counters.ingested],
  ['flk_accepted_by_tenant', 'Summaries accepted, by tenant', (counters) => counters.accepted],
  ['flk_escalated_by_tenant', 'Summaries escalated, by tenant', (counters) => counters.escalated],
  ['flk_quota_exceeded_by_tenant', 'Submissions beyond the quota, by tenant', (counters) => counters.quotaExceeded],
  ['flk_signature_errors_by_tenant', 'Signatures that did not verify, by tenant', (counters) => counters.signatureErrors],
]

export class Exposition {
  readonly #registry = new Registry()
  readonly #parts: ExpositionParts

  constructor(parts: ExpositionParts) {
    this.#parts = parts
    const { counters, tenants } = parts
    for (const [name, help, read] of PLAIN) this.#counter(name, help, [], (set) => set({}, read(counters)))
    for (const [name, help, read] of BY_TENANT) {
      this.#counter(name, help, ['tenant_id'], (set) => {
        for (const tenant of tenants()) set({ tenant_id: tenant.id }, read(tenant.counters))
      })
    }
    this.#counter('flk_answers', 'Submissions answered, by class of status', ['status'], (set) => {
      const { total, rejected, throttled, failed } = counters
      set({ status: '2xx' }, total - rejected - throttled - failed)
      set({ status: '4xx' }, rejected)
      set({ status: '429' }, throttled)
      set({ status: '5xx' }, failed)
    })
    this.#counter('flk_signature_renderings', 'Verified signatures by the rendering they are over', ['rendering'], (set) => {
      RENDERINGS.forEach((rendering, i) => {
        set({ rendering }, counters.renderings[i] ?? 0)
      })
    })
    this.#gauge('flk_wal_backlog_entries', 'Entries in the log that are not settled', [], (set) => set({}, parts.walBacklog()))
    this.#gauge('flk_waiting_for_store', 'Claims that are put to the store again', [], (set) => set({}, parts.waitingForStore()))
    this.#gauge('flk_ready', 'Whether the pod takes submissions', [], (set) => set({}, Number(parts.ready())))
    this.#gauge('flk_shard_reachable', 'Whether the shard answers', ['shard'], (set) => {
      for (const shard of parts.shards()) set({ shard: shard.id }, Number(shard.reachable))
    })
    this.#gauge('flk_shard_regressed', 'Whether the shard has lost state and gets no writes', ['shard'], (set) => {
      for (const shard of parts.shards()) set({ shard: shard.id }, Number(shard.regressed))
    })
    collectDefaultMetrics({ register: this.#registry })
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  async text(): Promise<string> {
    const { counters } = this.#parts
    return [
      (await this.#registry.metrics()).trimEnd(),
      ...histogramLines('flk_request_duration_seconds', 'From the whole request read to its answer', [
        ['', counters.latency.snapshot()],
      ]),
      ...histogramLines(
        'flk_stage_duration_seconds',
        'Of a batch of submissions in one stage',
        STAGES.map((stage) => [`stage="${stage}",`, counters.stages[stage].snapshot()]),
      ),
      '',
    ].join('\n')
  }

  #counter(name: string, help: string, labelNames: string[], collect: (set: Setter) => void): void {
    const counter: Counter = new Counter({
      name,
      help,
      labelNames,
      registers: [this.#registry],
      collect() {
        counter.reset()
        collect((labels, value) => counter.inc(labels, value))
      },
    })
  }

  #gauge(name: string, help: string, labelNames: string[], collect: (set: Setter) => void): void {
    const gauge: Gauge = new Gauge({
      name,
      help,
      labelNames,
      registers: [this.#registry],
      collect() {
        gauge.reset()
        collect((labels, value) => gauge.set(labels, value))
      },
    })
  }
}

type Setter = (labels: Record<string, string>, value: number) => void

/** Our own histograms in the exposition's form: cumulative counts at a few bounds. */
function histogramLines(
  name: string,
  help: string,
  series: readonly (readonly [labels: string, snapshot: HistogramSnapshot])[],
): string[] {
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`]
  for (const [labels, { count, sum, buckets }] of series) {
    let next = 0
    let cumulative = 0
    for (const bound of BOUNDS_SECONDS) {
      while (next < buckets.length && upperMsOf((buckets[next] as readonly [number, number])[0]) <= bound * 1000) {
        cumulative += (buckets[next++] as readonly [number, number])[1]
      }
      lines.push(`${name}_bucket{${labels}le="${bound}"} ${cumulative}`)
    }
    lines.push(`${name}_bucket{${labels}le="+Inf"} ${count}`)
    const bare = labels === '' ? '' : `{${labels.slice(0, -1)}}`
    lines.push(`${name}_sum${bare} ${sum / 1000}`, `${name}_count${bare} ${count}`)
  }
  return lines
}
