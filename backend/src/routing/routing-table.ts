/**
 * Where this pod believes each slot to be. A hint, never an authority: the shards check ownership themselves (I1), and what they
 * answer corrects the table. Of two claims about a slot the one with the higher generation is newer.
 */
import { type Generation, SLOT_COUNT, type SlotId } from '@fractal-lba/protocol/ring/slots'
import type { ShardId } from '@fractal-lba/shards/port'

export class RoutingTable {
  /** By index, which never changes: a shard that leaves keeps its place, and one that comes gets a new one. */
  readonly #shards: ShardId[] = []
  readonly #indexes = new Map<ShardId, number>()
  readonly #owners = new Uint16Array(SLOT_COUNT)
  readonly #generations = new Uint32Array(SLOT_COUNT)

  /** @param placement for each slot an index in `shards` */
  constructor(shards: readonly ShardId[], placement: Uint16Array) {
    for (const shard of shards) this.indexOf(shard)
    this.#owners.set(placement)
  }

  /** The index of a shard, a new one where it is not known yet. */
  indexOf(shard: ShardId): number {
    const known = this.#indexes.get(shard)
    if (known !== undefined) return known
    this.#indexes.set(shard, this.#shards.length)
    this.#shards.push(shard)
    return this.#shards.length - 1
  }

  shardAt(index: number): ShardId {
    return this.#shards[index] as ShardId
  }

  ownerOf(slot: SlotId): number {
    return this.#owners[slot] as number
  }

  generationOf(slot: SlotId): number {
    return this.#generations[slot] as number
  }

  /** Takes a hint, unless what is known is newer. @returns whether it was taken. */
  learn(slot: SlotId, shard: number, generation: Generation | undefined): boolean {
    if (generation === undefined || generation < this.generationOf(slot)) return false
    this.#owners[slot] = shard
    this.#generations[slot] = generation
    return true
  }

  /** The shard has just accepted a write to the slot, so it owned it then; that beats any hint. */
  confirm(slot: SlotId, shard: number): void {
    this.#owners[slot] = shard
  }

  /** Slots by shard id. */
  slots(): Map<ShardId, SlotId[]> {
    const byShard = new Map<ShardId, SlotId[]>()
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      const shard = this.shardAt(this.ownerOf(slot as SlotId))
      const slots = byShard.get(shard)
      if (slots) slots.push(slot as SlotId)
      else byShard.set(shard, [slot as SlotId])
    }
    return byShard
  }
}
