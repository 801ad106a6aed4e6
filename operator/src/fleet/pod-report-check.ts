/** Checks what a pod answered before anything is concluded from it: a report that lacks a counter is no report with a zero. */
import type { PodReport } from '@fractal-lba/protocol/telemetry/pod-report'
import Type from 'typebox'
import { Compile } from 'typebox/compile'

const count = Type.Number({ minimum: 0 })
const PodReportSchema = Type.Object({
  pod: Type.String(),
  startedAtMs: count,
  atMs: count,
  ready: Type.Boolean(),
  draining: Type.Boolean(),
  configRevision: Type.String(),
  generation: count,
  requests: Type.Object({
    total: count,
    accepted: count,
    escalated: count,
    rejected: count,
    throttled: count,
    failed: count,
    dedupHits: count,
    equivocations: count,
    reroutes: count,
  }),
  latency: Type.Object({ count, sum: count, buckets: Type.Array(Type.Tuple([count, count])) }),
  shards: Type.Array(Type.Object({ id: Type.String(), reachable: Type.Boolean(), epoch: count, regressed: Type.Boolean() })),
  walBacklogEntries: count,
  policies: Type.Optional(Type.Object({ revision: Type.String({ maxLength: 64 }), epoch: count })),
  capabilities: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 100 })),
  version: Type.Optional(Type.String({ maxLength: 256 })),
})
const validator = Compile(PodReportSchema)

/** @throws Error that names what is wrong with it. */
export function checkReport(pod: string, value: unknown): PodReport {
  if (!validator.Check(value)) {
    const [first] = validator.Errors(value)
    throw new Error(
      `its report is not usable: ${first?.instancePath.slice(1).replaceAll('/', '.') || 'the document'} ${first?.message ?? ''}`,
    )
  }
  const report = value as unknown as PodReport
  if (report.pod !== pod) throw new Error(`the pod at this address says that it is "${report.pod}"`)
  return report
}
