/** A run in which something did not hold, with all that is needed to have it again. */
import type { FaultPlan } from './faults.ts'

export class SimulationFailure extends Error {
  readonly seed: number
  /** After which turn it was found. */
  readonly turn: number
  /** The property, by the first word of the message: I1 to I4, once, liveness, lost, kept, answers, … */
  readonly property: string
  /** Everything that went wrong up to there; giving it to `runSeed` as the plan repeats the run. */
  readonly faults: FaultPlan

  constructor(seed: number, turn: number, faults: FaultPlan, cause: unknown) {
    const message = cause instanceof Error ? cause.message : String(cause)
    super(`seed ${seed}, turn ${turn}: ${message}`, { cause })
    this.name = 'SimulationFailure'
    this.seed = seed
    this.turn = turn
    this.property = /^[\w-]+(?=:)/.exec(message)?.[0] ?? 'error'
    this.faults = faults
  }
}
