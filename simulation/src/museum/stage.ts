/**
 * Two shards, a slot that both may own, and whoever a schedule needs: real parts in virtual time, and nothing goes wrong but what the
 * schedule says. What must hold of the shards is checked after every turn, as in any simulated life.
 */
import { encodeRecord } from '@fractal-lba/protocol/records/record'
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import type { MemoryServer } from '@fractal-lba/shards/memory/server'
import type { Fence, MigrationId, Put, ShardControl, ShardData, ShardId } from '@fractal-lba/shards/port'
import { type FaultPlan, FaultSource, NO_FAULTS } from '../world/faults.ts'
import { Fleet } from '../world/fleet.ts'
import { Invariants } from '../world/invariants.ts'
import { Network } from '../world/network.ts'
import { Process } from '../world/process.ts'
import { Scheduler } from '../world/scheduler.ts'
import type { Variant } from '../world/variant.ts'

export const A = 'shard-a' as ShardId
export const B = 'shard-b' as ShardId
export const SLOT = 4711 as SlotId
/** One that stays where it is. */
export const OTHER_SLOT = 42 as SlotId
const VNODES = 8
const MAX_TURNS = 200_000
export const DAY_MS = 86_400_000

export interface Stage {
  readonly scheduler: Scheduler
  process(name: string): Process
  data(shard: ShardId, process: Process): ShardData
  control(shard: ShardId, process: Process): ShardControl
  server(shard: ShardId): MemoryServer
}

export interface StageOptions {
  readonly faults?: FaultPlan
  readonly slots?: readonly SlotId[]
  /** False where a shard itself is what goes wrong. */
  readonly shardsChecked?: boolean
}

/** Plays a scene to its end. @throws Error for what the scene or the shards show to be wrong. */
export async function onStage(
  variant: Variant,
  scene: (stage: Stage) => Promise<void>,
  { faults = [], slots = [OTHER_SLOT, SLOT], shardsChecked = true }: StageOptions = {},
): Promise<void> {
  const scheduler = new Scheduler(1)
  const network = new Network(
    scheduler,
    new FaultSource(1, faults),
    (process) => {
      process.alive = false
    },
    () => undefined,
  )
  const fleet: Fleet = new Fleet([A, B], slots, {
    now: () => scheduler.now(),
    network,
    variant,
    watch: {
      tell: () => undefined,
      onDecided: (put) => invariants.decided(put),
      onTouched: (touched) => invariants.touched(touched),
    },
  })
  const server = (shard: ShardId) => {
    const found = fleet.shards.get(shard)
    if (!found) throw new Error(`there is no shard ${shard}`)
    return found.server
  }
  const invariants = new Invariants({ servers: [server(A), server(B)], slots, now: () => scheduler.now(), toleranceMs: 0 })
  await fleet.found([A], VNODES)
  let ended: { readonly error?: unknown } | undefined
  scene({
    scheduler,
    process: (name) => new Process(name, scheduler),
    data: (shard, process) => fleet.data(shard, process, () => NO_FAULTS),
    control: (shard, process) => fleet.control(shard, process, () => NO_FAULTS),
    server,
  }).then(
    () => {
      ended = {}
    },
    (error: unknown) => {
      ended = { error }
    },
  )
  await scheduler.run(
    () => ended !== undefined,
    () => (shardsChecked ? invariants.check() : undefined),
    MAX_TURNS,
  )
  if (ended?.error !== undefined) throw ended.error
}

/** The key number `n` of a slot. */
export function keyOf(n: number, slot: SlotId = SLOT): Buffer {
  const key = Buffer.alloc(32)
  key.writeUInt32BE(n, 28)
  key.writeUInt16BE(slot << 2, 0)
  return key
}

/** A put of key number `n`, for the entry at `offset` of a pod's log. */
export function putOf(
  n: number,
  expiresAtMs: number,
  from: { pod?: string; segment?: number; offset?: number; content?: number } = {},
): Put {
  const { pod = 'pod-0', segment = 1, offset = 100 * n, content = n } = from
  const record = encodeRecord({
    verdict: 'accepted',
    reason: '',
    recomputedDHat: 1,
    recomputedBudget: 0.5,
    contentHash: Buffer.alloc(16, content % 256),
    origin: { pod, segment, offset },
    decidedAtMs: 1,
    expiresAtMs,
  })
  return { key: keyOf(n), slot: SLOT, record, expiresAtMs }
}

export const fence = (generation: number, migration: string): Fence => ({ generation, migration: migration as MigrationId })

export interface HandMove {
  readonly source: ShardControl
  readonly target: ShardControl
  readonly by: Fence
  /** The slot's generation at the source. */
  readonly generation: number
}

/** Copies the slot and keeps it captured: as far as a migration goes before the cutover. */
export async function copySlot({ source, target, by }: HandMove): Promise<void> {
  await target.beginImport(by, [SLOT], source.id)
  await source.startCapture(by, [SLOT], target.id)
  const { batch } = await source.exportFrom({ slots: [SLOT], within: undefined }, 1000)
  await target.apply(by, batch)
  await followSlot({ source, target, by })
  await target.markVerified(by, [SLOT])
}

/** Applies what was captured. */
export async function followSlot({ source, target, by }: Omit<HandMove, 'generation'>): Promise<void> {
  for (;;) {
    const captured = await source.readCaptured(by.migration, [SLOT], 1000)
    if (!captured) return
    await target.apply(by, captured.batch)
    await source.dropCaptured(by, captured.token)
  }
}

/** The owner lets go, its log is drained, the target acquires and captures for the way back. */
export async function switchSlot(move: HandMove): Promise<void> {
  const { source, target, by, generation } = move
  await source.release(by, [SLOT], target.id)
  await followSlot(move)
  await target.acquire(by, [{ slot: SLOT, generation: (generation + 1) as never }], source.id)
}
