/** The next status while it is being decided: starts as the present one, collects changes, actions and decisions. */
import type { Policies, PoliciesPush } from '@fractal-lba/protocol/config/policies'
import { policiesRevisionOf } from '@fractal-lba/protocol/config/policies'
import type { PolicyPhase } from '../../api/policy-status.ts'
import { type Reason, sentence } from '../../api/reasons.ts'
import { MAX_DECISIONS } from '../../api/status-fields.ts'
import type { GateReading } from '../../rollout/gates.ts'
import { startWatch, type Watch } from '../../rollout/watch.ts'
import type { AnyPolicyStatus } from './objects.ts'
import type { Action, Observed } from './observed.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export class Draft {
  readonly status: Mutable<AnyPolicyStatus>
  readonly actions: Action[] = []
  readonly observed: Observed
  /** The reason behind `message`, for the conditions. */
  reason: Reason = 'InProgress'
  /** Why it will not get further by itself. */
  stalled: Reason | undefined
  /** In force on all pods, all of which can carry it out. */
  ready = false

  constructor(observed: Observed) {
    this.status = { ...(observed.status ?? freshStatus(observed.generation, 1, observed.nowMs)) }
    this.observed = observed
  }

  get nowMs(): number {
    return this.observed.nowMs
  }

  get now(): string {
    return new Date(this.nowMs).toISOString()
  }

  say(reason: Reason, detail?: string): void {
    this.reason = reason
    this.status.message = sentence(reason, detail)
  }

  stall(reason: Reason, detail?: string): void {
    this.stalled = reason
    this.say(reason, detail)
  }

  event(type: 'Normal' | 'Warning', reason: Reason, detail?: string): void {
    this.actions.push({ kind: 'event', type, reason, message: sentence(reason, detail) })
  }

  decided(action: string, reason: Reason, detail?: string): void {
    const { phase, gates } = this.status
    const decision = { at: this.now, phase, action, reason, message: sentence(reason, detail), readings: gates }
    this.status.decisions = [...this.status.decisions, decision].slice(-MAX_DECISIONS)
  }

  enter(phase: PolicyPhase, reason: Reason, detail?: string): void {
    if (this.status.phase === phase) return
    this.status.phase = phase
    this.status.phaseSinceMs = this.nowMs
    this.decided(`Enter${phase}`, reason, detail)
    this.event(phase === 'Failed' || phase === 'RolledBack' ? 'Warning' : 'Normal', reason, detail)
  }

  halt(kind: 'Rollback' | 'Freeze' | 'Abort', reason: Reason, message: string, reading?: GateReading): void {
    this.status.halt = { kind, reason, message: sentence(reason, message), at: this.now, reading }
    this.decided(kind, reason, message)
    this.event('Warning', reason, message)
  }

  get watch(): Watch {
    const { watchFromMs, gates, gateTracks, judgement } = this.status
    return { fromMs: watchFromMs, readings: gates, tracks: gateTracks, judgement }
  }

  set watch({ fromMs, readings, tracks, judgement }: Watch) {
    Object.assign(this.status, { watchFromMs: fromMs, gates: readings, gateTracks: tracks, judgement })
  }

  watchAfresh(): void {
    this.watch = startWatch(this.nowMs)
  }

  pushOf(policies: Policies): PoliciesPush {
    return { epoch: this.observed.epoch, revision: policiesRevisionOf(policies), policies }
  }
}

export function freshStatus(generation: number, attempt: number, nowMs: number): AnyPolicyStatus {
  return {
    observedGeneration: generation,
    phase: 'Pending',
    active: false,
    message: sentence('PlanPending'),
    progress: { percentage: 0 },
    conditions: [],
    rollout: undefined,
    attempt,
    plan: undefined,
    planHash: undefined,
    approvedHash: undefined,
    paused: false,
    halt: undefined,
    gates: [],
    gateTracks: [],
    judgement: startWatch(nowMs).judgement,
    watchFromMs: nowMs,
    decisions: [],
    reversible: false,
    verbs: [],
    specProblems: '',
    phaseSinceMs: nowMs,
    lastProgress: { mark: '', atMs: nowMs },
  }
}
