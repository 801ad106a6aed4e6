/** Observations for tests of `decide`: one in every state, to be varied. Not a stand-in for anything: `decide` reads nothing else. */
import { revisionOf } from '@fractal-lba/protocol/config/fleet-config'
import { withDefaults } from '../../api/shardmigration.ts'
import type { ShardMigrationStatus } from '../../api/status.ts'
import type { GateReading, Verdict } from '../../rollout/gates.ts'
import { freshStatus } from './draft.ts'
import { configOf } from './fleet-config.ts'
import type { Decided, EngineObservation, Observed, RunningView } from './observed.ts'

export const NOW = 1_800_000_000_000
export const base = withDefaults({
  sourceShards: ['redis://a:6379'],
  targetShards: ['redis://b:6379', 'redis://c:6379'],
  dedupBackend: 'redis',
  gates: { windowSeconds: 10, intervalSeconds: 1, minSamples: 10 },
  stepSeconds: 5,
})
export const union = revisionOf(configOf(base, 'union'))
export const targets = revisionOf(configOf(base, 'targets'))
export const sources = revisionOf(configOf(base, 'sources'))

export const plan = {
  hash: 'plan1',
  slots: 100,
  keys: 1000,
  bytes: 50_000,
  copySeconds: 1,
  moves: [],
  blastRadiusPercent: 1,
  leaving: [],
  warnings: [],
}
export const unstarted: EngineObservation = { kind: 'unstarted', plan }

export const quiet: RunningView = {
  phase: 'Copying',
  milestone: 'planned',
  reached: false,
  blocked: undefined,
  message: 'copying',
  slowSlots: undefined,
  totalSlots: 100,
  slotsCopied: 0,
  slotsVerified: 0,
  slotsAtTarget: 0,
  backlogKeys: 0,
  lagMs: 0,
  keysCopied: 0,
  totalKeys: 1000,
  bytesCopied: 0,
  keysPerSecond: undefined,
  pastNoReturn: false,
  certificate: undefined,
  outcome: undefined,
}
export const running = (view: Partial<RunningView> = {}, stopped?: { reason: string; message: string }): EngineObservation => ({
  kind: 'running',
  view: { ...quiet, ...view },
  stopped,
})

export function reading(verdict: Verdict): GateReading {
  return {
    metric: 'maxErrorRate',
    subject: undefined,
    verdict,
    query: 'q',
    value: 1,
    threshold: 1,
    samples: verdict === 'NoData' ? 0 : 100,
    atMs: NOW,
    message: `it says ${verdict}`,
  }
}
export const measured = (verdict: Verdict) => ({ readings: [reading(verdict)], p95Ms: 12 })

export const pods = (revision: string) => [{ pod: 'pod-0', revision }]

export function look(over: Partial<Observed> = {}): Observed {
  return {
    name: 'm',
    uid: '00000000-0000-4000-8000-000000000000',
    generation: 1,
    annotations: {},
    deletionRequested: false,
    spec: base,
    problems: [],
    status: undefined,
    fleetExists: true,
    engine: unstarted,
    measurement: undefined,
    pods: pods(union),
    waitsFor: undefined,
    nowMs: NOW,
    ...over,
  }
}

/** A status as it is in the middle of a migration. */
export function midway(over: Partial<ShardMigrationStatus> = {}): ShardMigrationStatus {
  return {
    ...freshStatus(1, 1, NOW),
    phase: 'Copying',
    migrationId: 'm-00000000-1',
    planHash: 'plan1',
    target: { upTo: 'soaked', cutoverPercent: 0 },
    judgement: { kind: 'pass' },
    gates: [reading('Pass')],
    fleetConfig: { shards: 'union', revision: union, slowdownMs: 0 },
    ...over,
  }
}

export const kinds = (decided: Decided) => decided.actions.map((action) => action.kind)
export const events = (decided: Decided) =>
  decided.actions.flatMap((action) => (action.kind === 'event' ? [`${action.type} ${action.reason}`] : []))
export const work = (decided: Decided) => decided.actions.flatMap((action) => (action.kind === 'work' ? [action.intent] : []))
export const condition = (decided: Decided, type: string) => {
  const found = decided.status.conditions.find((each) => each.type === type)
  return `${found?.status}/${found?.reason}`
}
