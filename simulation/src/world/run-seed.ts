/** One simulated life of a fleet, from one number: how many shards, which slots, who writes what, and what goes wrong when. */
import { SLOT_COUNT, type SlotId } from '@fractal-lba/protocol/ring/slots'
import type { MigrationId, ShardId } from '@fractal-lba/shards/port'
import { behindFaultyNetwork } from './faulty-network.ts'
import { Fleet } from './fleet.ts'
import { type Ended, operate } from './operator.ts'
import { Scheduler } from './scheduler.ts'
import { LONG_MS, type Workload, Writer } from './writer.ts'

const MAX_TURNS = 60_000
const VNODES = 20
const SHAPES: readonly (readonly [from: number, to: number])[] = [
  [1, 3],
  [3, 5],
  [5, 3],
  [2, 1],
]

export interface Life extends Ended {
  readonly turns: number
  readonly acknowledged: number
}

/** @throws Error naming what went wrong, with everything that the seed decides already decided. */
export async function runSeed(seed: number): Promise<Life> {
  const scheduler = new Scheduler(seed)
  const [fromCount, toCount] = scheduler.pick(SHAPES)
  const ids = Array.from({ length: Math.max(fromCount, toCount) }, (_, index) => `shard-${index}:1` as ShardId)
  const slots = someSlots(scheduler, 4 + Math.floor(scheduler.random() * 10))
  const fleet = new Fleet(ids, slots, scheduler)
  await fleet.found(ids.slice(0, fromCount), VNODES)

  const workload: Workload = { keys: someKeys(scheduler, slots, 60), answers: new Map() }
  const story = {
    spec: { id: 'm' as MigrationId, from: ids.slice(0, fromCount), to: ids.slice(0, toCount), vnodes: VNODES, universe: slots },
    ids,
    troubles: Math.floor(scheduler.random() * 6),
    ending: scheduler.chance(0.7) ? ('forward' as const) : ('back' as const),
  }
  let ended: Ended | undefined
  let failure: unknown
  const writers = ['a', 'b', 'c'].map((name) => {
    const faults = () => ({ lost: 0.02, late: 0.01, crash: 0 })
    const shards = new Map(ids.map((id) => [id, behindFaultyNetwork(fleet.data(id), { alive: true }, scheduler, faults)]))
    return new Writer(name, shards, scheduler)
  })
  const fail = (error: unknown) => {
    failure ??= error
  }
  operate(story, fleet, scheduler).then((result) => {
    ended = result
  }, fail)
  for (const writer of writers) writer.run(workload, () => ended !== undefined || failure !== undefined).catch(fail)
  await scheduler.run(
    () => ended !== undefined || failure !== undefined,
    () => fleet.check(),
    MAX_TURNS,
  )
  if (failure !== undefined) throw failure
  fleet.checkHistory(false)
  return { ...ended!, turns: scheduler.turns, acknowledged: writers.reduce((sum, { acknowledged }) => sum + acknowledged, 0) }
}

function someSlots(scheduler: Scheduler, count: number): SlotId[] {
  const slots = new Set<SlotId>()
  while (slots.size < count) slots.add(Math.floor(scheduler.random() * SLOT_COUNT) as SlotId)
  return [...slots].sort((a, b) => a - b)
}

function someKeys(scheduler: Scheduler, slots: readonly SlotId[], count: number): Workload['keys'] {
  return Array.from({ length: count }, (_, index) => {
    const slot = scheduler.pick(slots)
    const key = Buffer.alloc(32, index)
    key.writeUInt16BE((slot << 2) | (index & 3), 0)
    return { key, slot, ttlMs: scheduler.chance(0.1) ? 500 + Math.floor(scheduler.random() * 3000) : 14 * LONG_MS }
  })
}
