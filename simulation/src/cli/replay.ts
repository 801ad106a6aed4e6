/** Lives one seed again, and says by a hash of everything that happened whether two lives were the same. */
import { createHash } from 'node:crypto'
import type { SimulationEvent } from '../world/events.ts'
import type { FaultPlan } from '../world/faults.ts'
import type { Variant } from '../world/variant.ts'
import { type LifeReport, live } from './life.ts'

export interface Replayed {
  readonly report: LifeReport
  readonly events: number
  /** SHA-256 of all events, in hex. */
  readonly hash: string
}

export async function replay(
  seed: number,
  options: { readonly variant: Variant; readonly faults?: FaultPlan; readonly onEvent?: (event: SimulationEvent) => void },
): Promise<Replayed> {
  const { variant, faults, onEvent } = options
  const hash = createHash('sha256')
  let events = 0
  const observer = (event: SimulationEvent) => {
    events++
    hash.update(JSON.stringify(event))
    onEvent?.(event)
  }
  const report = await live(seed, { variant, observer, ...(faults && { faults }) })
  return { report, events, hash: hash.digest('hex') }
}
