/** The next status while it is being decided: starts as the present one, collects changes, actions and decisions. */
import type { GateReading } from '../../rollout/gates.ts'
import { startWatch } from '../../rollout/watch.ts'
import type { Action } from './observed.ts'
import type { FleetWorkload } from './port.ts'
import { type RolloutReason, rolloutSentence } from './reasons.ts'
import { addDecision, type FleetRolloutStatus, freshStatus, type RolloutPhase } from './status.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export class Draft {
  readonly status: Mutable<FleetRolloutStatus>
  readonly actions: Action[] = []
  readonly workload: FleetWorkload
  readonly nowMs: number

  constructor(workload: FleetWorkload, status: FleetRolloutStatus | undefined, nowMs: number) {
    this.status = { ...(status ?? freshStatus(nowMs)) }
    this.workload = workload
    this.nowMs = nowMs
  }

  get now(): string {
    return new Date(this.nowMs).toISOString()
  }

  say(reason: RolloutReason, detail?: string): void {
    this.status.reason = reason
    this.status.message = rolloutSentence(reason, detail)
  }

  event(type: 'Normal' | 'Warning', reason: RolloutReason, detail?: string): void {
    this.actions.push({ kind: 'event', type, reason, message: rolloutSentence(reason, detail) })
  }

  decided(action: string, reason: RolloutReason, detail?: string, reading?: GateReading): void {
    const decision = { at: this.now, action, reason, message: rolloutSentence(reason, detail), ...(reading && { reading }) }
    this.status.decisions = addDecision(this.status.decisions, decision)
  }

  enter(phase: RolloutPhase, reason: RolloutReason, detail?: string): void {
    if (this.status.phase === phase) return
    this.status.phase = phase
    this.decided(`Enter${phase}`, reason, detail)
    // Problems of the settings are told when they appear, whether they block anything or not.
    if (phase === 'Blocked') return
    const bad = phase === 'RollingBack' || phase === 'RolledBack' || phase === 'Frozen'
    this.event(bad ? 'Warning' : 'Normal', reason, detail)
  }

  partition(partition: number): void {
    if (this.workload.partition !== partition) this.actions.push({ kind: 'set-partition', partition })
  }

  watchAfresh(): void {
    this.status.watch = startWatch(this.nowMs)
  }
}
