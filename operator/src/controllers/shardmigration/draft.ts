/** The next status while it is being decided: starts as the present one, collects changes, actions and decisions. */
import { type Reason, sentence } from '../../api/reasons.ts'
import { type DecisionRecord, type Halt, MAX_DECISIONS, type Phase, type ShardMigrationStatus } from '../../api/status.ts'
import type { GateReading } from '../../rollout/gates.ts'
import type { Action } from './observed.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export class Draft {
  readonly status: Mutable<ShardMigrationStatus>
  readonly actions: Action[] = []
  readonly nowMs: number
  /** The reason behind `message`, for the conditions. */
  reason: Reason = 'InProgress'
  /** Waits for something outside: no deadline counts. */
  waiting = false
  stalled: Reason | undefined

  constructor(status: ShardMigrationStatus, nowMs: number) {
    this.status = { ...status }
    this.nowMs = nowMs
  }

  get now(): string {
    return new Date(this.nowMs).toISOString()
  }

  say(reason: Reason, detail?: string): void {
    this.reason = reason
    this.status.message = sentence(reason, detail)
  }

  event(type: 'Normal' | 'Warning', reason: Reason, detail?: string): void {
    this.actions.push({ kind: 'event', type, reason, message: sentence(reason, detail) })
  }

  enter(phase: Phase, reason: Reason, detail?: string): void {
    if (this.status.phase === phase) return
    this.status.phase = phase
    this.status.phaseSinceMs = this.nowMs
    this.decided(`Enter${phase}`, reason, detail)
    this.event(phase === 'Failed' || phase === 'RollingBack' ? 'Warning' : 'Normal', reason, detail)
  }

  decided(action: string, reason: Reason, detail?: string): void {
    const { phase, gates } = this.status
    const decision: DecisionRecord = { at: this.now, phase, action, reason, message: sentence(reason, detail), readings: gates }
    this.status.decisions = [...this.status.decisions, decision].slice(-MAX_DECISIONS)
  }

  halt(kind: Halt['kind'], reason: Reason, message: string, reading?: GateReading): void {
    this.status.halt = { kind, reason, message: sentence(reason, message), at: this.now, reading }
    this.decided(kind, reason, message)
    this.event('Warning', reason, message)
  }

  /** From here on, measurements look at what happens from now on only. */
  watchAfresh(): void {
    this.status.watchFromMs = this.nowMs
    this.status.judgement = { kind: 'hold', why: 'not-measured', reading: undefined }
  }
}

/** A status for an object that was never looked at, or that starts over with a new attempt. */
export function freshStatus(generation: number, attempt: number, nowMs: number): ShardMigrationStatus {
  return {
    observedGeneration: generation,
    phase: 'Pending',
    message: sentence('PlanPending'),
    progress: { keysCopied: 0, totalKeys: 0, bytesCopied: 0, percentage: 0, estimatedTimeRemaining: '' },
    conditions: [],
    attempt,
    migrationId: undefined,
    plan: undefined,
    planHash: undefined,
    approvedHash: undefined,
    target: { upTo: 'planned', cutoverPercent: 0 },
    paused: false,
    halt: undefined,
    gates: [],
    gateTracks: [],
    judgement: { kind: 'hold', why: 'not-measured', reading: undefined },
    watchFromMs: nowMs,
    watchedPercent: undefined,
    decisions: [],
    reversible: false,
    reverseLagSeconds: 0,
    noReturnAnnouncedAt: undefined,
    certificate: undefined,
    fleetConfig: undefined,
    verbs: [],
    specProblems: '',
    startedAt: undefined,
    phaseSinceMs: nowMs,
    endedAt: undefined,
    lastProgress: { mark: '', atMs: nowMs },
  }
}

export const isTerminal = (phase: Phase): boolean => phase === 'Completed' || phase === 'Failed'
