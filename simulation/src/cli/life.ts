/** One life, told as data: what a thread can send and a shrinker can compare. Whatever a life throws is a violation. */
import { SimulationFailure } from '../world/failure.ts'
import type { FaultPlan } from '../world/faults.ts'
import { type RunOptions, runSeed } from '../world/run-seed.ts'

export interface Held {
  readonly kind: 'held'
  readonly seed: number
  readonly turns: number
  readonly acknowledged: number
  readonly outcome: string
}

export interface Violated {
  readonly kind: 'violated'
  readonly seed: number
  readonly turn: number
  readonly property: string
  readonly message: string
  readonly faults: FaultPlan
}

export type LifeReport = Held | Violated

export async function live(seed: number, options: RunOptions = {}): Promise<LifeReport> {
  try {
    const { turns, acknowledged, outcome } = await runSeed(seed, options)
    return { kind: 'held', seed, turns, acknowledged, outcome }
  } catch (error) {
    const failure = error instanceof SimulationFailure ? error : new SimulationFailure(seed, 0, [], error)
    const { turn, property, faults } = failure
    const message = failure.cause instanceof Error ? failure.cause.message : String(failure.cause)
    return { kind: 'violated', seed, turn, property, message, faults }
  }
}
