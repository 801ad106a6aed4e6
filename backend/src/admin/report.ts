/** The pod's report: its counters and the state of its parts, as the operator's gates read them. */
import type { PolicyCapability } from '@fractal-lba/protocol/config/policies'
import type { PodReport } from '@fractal-lba/protocol/telemetry/pod-report'
import type { Counters } from '../metrics/counters.ts'

export interface ReportParts {
  readonly pod: string
  readonly startedAtMs: number
  readonly counters: Counters
  readonly wallClock: () => number
  readonly notReadyReason: () => string | undefined
  readonly draining: () => boolean
  readonly config: () => { readonly revision: string; readonly generation: number }
  readonly shards: () => PodReport['shards']
  readonly walBacklog: () => number
  readonly policies: () => { readonly revision: string; readonly epoch: number }
  readonly version: string
}

/**
 * Nothing ships segments or moves records between tiers in this build: a policy that asks for it is kept and reported, and whoever
 * set it is told by this list that nothing comes of it.
 */
const CAPABILITIES: readonly PolicyCapability[] = []

export function makeReport(parts: ReportParts): PodReport {
  const { counters } = parts
  const reason = parts.notReadyReason()
  const { revision, generation } = parts.config()
  const policies = parts.policies()
  return {
    pod: parts.pod,
    startedAtMs: parts.startedAtMs,
    atMs: parts.wallClock(),
    ready: reason === undefined,
    notReadyReason: reason,
    draining: parts.draining(),
    configRevision: revision,
    generation,
    requests: {
      total: counters.total,
      accepted: counters.accepted,
      escalated: counters.escalated,
      rejected: counters.rejected,
      throttled: counters.throttled,
      failed: counters.failed,
      dedupHits: counters.dedupHits,
      equivocations: counters.equivocations,
      reroutes: counters.reroutes,
    },
    latency: counters.latency.snapshot(),
    shards: parts.shards(),
    walBacklogEntries: parts.walBacklog(),
    policies: { revision: policies.revision, epoch: policies.epoch },
    capabilities: CAPABILITIES,
    version: parts.version,
  }
}
