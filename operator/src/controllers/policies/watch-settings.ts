/** How the rollout of a policy is watched, from its spec. */
import type { Gate } from '../../rollout/gates.ts'
import type { WatchSettings } from '../../rollout/watch.ts'
import type { RolledOutSpec } from './objects.ts'

/** A policy is not meant to change what submissions cost: a canary twice as slow as the rest is ill. */
const CANARY_FACTOR = 2
const LATENCY_FLOOR_MS = 25
const ERROR_RATE_FLOOR_PERCENT = 0.5

export function watchSettings(spec: RolledOutSpec): WatchSettings {
  const { healthGates, gates } = spec
  const { minSamples } = gates
  const measured: Gate[] = [
    { metric: 'maxLatencyP95', threshold: healthGates.maxLatencyP95, minSamples },
    { metric: 'maxErrorRate', threshold: healthGates.maxErrorRate, minSamples },
  ]
  if (healthGates.minDedupHitRatio > 0)
    measured.push({ metric: 'minDedupHitRatio', threshold: healthGates.minDedupHitRatio, minSamples })
  return {
    gates: measured,
    canary: {
      maxLatencyP95: { factor: CANARY_FACTOR, floor: LATENCY_FLOOR_MS },
      maxErrorRate: { factor: CANARY_FACTOR, floor: ERROR_RATE_FLOOR_PERCENT },
    },
    windowMs: gates.windowSeconds * 1000,
    intervalMs: gates.intervalSeconds * 1000,
    stepMs: spec.stepSeconds * 1000,
    failures: gates.failures,
    of: gates.of,
    onNoData: gates.onNoData,
    deadlineMs: spec.progressDeadlineSeconds * 1000,
  }
}
