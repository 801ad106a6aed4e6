/** What an observer of a run is told, in the order in which it happens. Readable by people, and enough to check the run against a model. */
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import type { ShardId, SlotRow } from '@fractal-lba/shards/port'
import type { Fault } from './faults.ts'

/** When: of the simulation's own time, which no process sees. */
export interface Moment {
  readonly turn: number
  readonly atMs: number
}

export type Happening =
  /** A slot's row at a shard has changed; `process` called, `call` is the shard's method. */
  | {
      readonly kind: 'row'
      readonly process: string
      readonly call: string
      readonly shard: ShardId
      readonly slot: SlotId
      readonly before: SlotRow | undefined
      readonly after: SlotRow | undefined
    }
  /** A shard carried out a call; `problem` where it refused. */
  | {
      readonly kind: 'call'
      readonly process: string
      readonly shard: ShardId
      readonly call: string
      readonly problem: string | undefined
    }
  | { readonly kind: 'fault'; readonly fault: Fault }
  | { readonly kind: 'process'; readonly process: string; readonly what: 'started' | 'died' }
  /** Anything else worth reading. */
  | { readonly kind: 'note'; readonly process: string; readonly text: string }

export type SimulationEvent = Moment & Happening

export type Observer = (event: SimulationEvent) => void
