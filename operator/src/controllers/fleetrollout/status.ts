/**
 * What is remembered of a fleet's rollout between two looks, and what users read: JSON in the annotation `fractal.lba.io/rollout-status`.
 * An annotation can be edited by anyone who may edit the StatefulSet, and be lost: what is read is checked, and without it the rollout
 * is decided anew from the pods. Bounded, since all annotations of an object share 256 KiB.
 */
import Type from 'typebox'
import { Compile } from 'typebox/compile'
import type { VerbEcho } from '../../api/status.ts'
import type { GateReading } from '../../rollout/gates.ts'
import { startWatch, type Watch } from '../../rollout/watch.ts'
import { type RolloutReason, rolloutSentence } from './reasons.ts'

export const ROLLOUT_PHASES = ['Idle', 'Progressing', 'Frozen', 'RollingBack', 'RolledBack', 'Completed', 'Blocked'] as const
export type RolloutPhase = (typeof ROLLOUT_PHASES)[number]

export interface RolloutDecision {
  readonly at: string
  readonly action: string
  readonly reason: RolloutReason
  readonly message: string
  /** What it was decided by. */
  readonly reading?: GateReading
}

export interface FleetRolloutStatus {
  readonly phase: RolloutPhase
  readonly reason: RolloutReason
  readonly message: string
  /** Being rolled out, or the last that was. */
  readonly revision: string
  /** Not tried again. */
  readonly failedRevision?: string
  /** Why it failed, with the reading that caused it. */
  readonly halt?: {
    readonly reason: RolloutReason
    readonly message: string
    readonly at: string
    readonly reading?: GateReading
  }
  readonly replicas: number
  /** Pods of the new revision once the present step is applied. */
  readonly target: number
  /** Pods that are ready with it. */
  readonly updated: number
  /** Targets of all steps. */
  readonly steps: readonly number[]
  readonly paused: boolean
  /** The step whose watch has begun. */
  readonly watchedTarget: number
  /** Since when a pod of the step is awaited. */
  readonly waitingSinceMs?: number
  readonly noReturnAnnouncedMs?: number
  /** A step went on without its gates having been measured, and why that was right. */
  readonly waived?: string
  /** Pods that were not ready before anything began: nothing is concluded from them. */
  readonly illBefore: readonly string[]
  readonly watch: Watch
  readonly decisions: readonly RolloutDecision[]
  readonly verbs: readonly VerbEcho[]
  readonly settingsProblems: string
  readonly startedAt?: string
  readonly endedAt?: string
}

export const MAX_STATUS_BYTES = 8192
const MAX_DECISIONS = 10
const MAX_MESSAGE = 400
export const MAX_ILL_BEFORE = 32

export function freshStatus(nowMs: number): FleetRolloutStatus {
  return {
    phase: 'Idle',
    reason: 'Held',
    message: rolloutSentence('Held'),
    revision: '',
    replicas: 0,
    target: 0,
    updated: 0,
    steps: [],
    paused: false,
    watchedTarget: -1,
    illBefore: [],
    watch: startWatch(nowMs),
    decisions: [],
    verbs: [],
    settingsProblems: '',
  }
}

export function addDecision(before: readonly RolloutDecision[], decision: RolloutDecision): RolloutDecision[] {
  return [...before, { ...decision, message: decision.message.slice(0, MAX_MESSAGE) }].slice(-MAX_DECISIONS)
}

/** At most `MAX_STATUS_BYTES`: the oldest decisions go first. */
export function writeRolloutStatus(status: FleetRolloutStatus): string {
  let { decisions } = status
  for (;;) {
    const text = JSON.stringify({ ...status, message: status.message.slice(0, MAX_MESSAGE), decisions })
    if (Buffer.byteLength(text) <= MAX_STATUS_BYTES || decisions.length === 0) return text
    decisions = decisions.slice(1)
  }
}

const text = Type.String({ maxLength: 2048 })
const millis = Type.Number({ minimum: 0 })
const reading = Type.Object({
  metric: text,
  verdict: text,
  query: text,
  threshold: Type.Number(),
  samples: millis,
  atMs: millis,
  message: text,
})
const readings = Type.Array(reading, { maxItems: 20 })
const decision = Type.Object({ at: text, action: text, reason: text, message: text })
const verb = Type.Object({ verb: text, value: text, at: text, accepted: Type.Boolean(), pending: Type.Boolean() })
const StatusSchema = Type.Object({
  phase: Type.Enum([...ROLLOUT_PHASES]),
  reason: text,
  message: text,
  revision: text,
  failedRevision: Type.Optional(text),
  halt: Type.Optional(Type.Object({ reason: text, message: text, at: text })),
  replicas: millis,
  target: millis,
  updated: millis,
  steps: Type.Array(millis, { maxItems: 1000 }),
  paused: Type.Boolean(),
  watchedTarget: Type.Number(),
  waitingSinceMs: Type.Optional(millis),
  noReturnAnnouncedMs: Type.Optional(millis),
  waived: Type.Optional(text),
  illBefore: Type.Array(text, { maxItems: MAX_ILL_BEFORE }),
  watch: Type.Object({
    fromMs: millis,
    readings,
    tracks: Type.Array(Type.Object({ metric: text, recent: Type.Array(text, { maxItems: 20 }) }), { maxItems: 20 }),
    judgement: Type.Object({ kind: Type.Enum(['pass', 'waived', 'hold', 'fail']) }),
  }),
  decisions: Type.Array(decision, { maxItems: 20 }),
  verbs: Type.Array(verb, { maxItems: 10 }),
  settingsProblems: text,
})
const validator = Compile(StatusSchema)

/** Undefined for what this operator cannot have written. */
export function parseRolloutStatus(json: string | undefined): FleetRolloutStatus | undefined {
  if (json === undefined || json.length > 4 * MAX_STATUS_BYTES) return undefined
  try {
    const value: unknown = JSON.parse(json)
    return validator.Check(value) ? (value as unknown as FleetRolloutStatus) : undefined
  } catch {
    return undefined
  }
}
