/**
 * Where a claim goes after a shard said that it does not own its slot. Mostly the answer names the new owner. While a slot is in
 * flight (released at its source, not acquired at its target yet) nobody owns it for some milliseconds: then the claim waits and asks
 * again. Without any hint it asks all shards in turn. The caller bounds all this by the claim's deadline.
 */
import type { Generation, SlotId } from '@fractal-lba/protocol/ring/slots'
import type { RoutingTable } from './routing-table.ts'

export interface NotOwnerAnswer {
  readonly slot: SlotId
  /** Index of the shard that was asked. */
  readonly asked: number
  /** Where the slot went by its answer; undefined when it did not say, or names a shard that this pod has no connection to. */
  readonly owner: number | undefined
  readonly generation: Generation | undefined
  /** How often this claim was turned away before. */
  readonly tries: number
}

export interface NextHop {
  readonly shard: number
  readonly waitMs: number
}

/** A cutover step is over in milliseconds: the first waits are short, and none is longer than a step may take. */
const FIRST_WAIT_MS = 1
const MAX_WAIT_MS = 20

/** @param reachable indexes of the shards that may be asked */
export function followHint(table: RoutingTable, answer: NotOwnerAnswer, reachable: readonly number[]): NextHop {
  const { slot, asked, owner, generation, tries } = answer
  if (owner !== undefined && owner !== asked) table.learn(slot, owner, generation)
  const believed = table.ownerOf(slot)
  if (tries === 0 && believed !== asked) return { shard: believed, waitMs: 0 }
  const waitMs = waitOf(tries)
  // A shard that is only importing the slot names its source and no generation: worth a question, not worth believing.
  if (tries === 0 && owner !== undefined && owner !== asked) return { shard: owner, waitMs: 0 }
  // Turned away again: the slot is in flight, or the belief is wrong. In turn: whom we believe, then one of the others.
  return { shard: tries % 2 === 0 ? believed : otherThan(believed, tries >> 1, reachable), waitMs }
}

function waitOf(tries: number): number {
  return Math.min(FIRST_WAIT_MS * 2 ** Math.min(tries, 10), MAX_WAIT_MS)
}

function otherThan(believed: number, turn: number, reachable: readonly number[]): number {
  const others = reachable.filter((shard) => shard !== believed)
  return others[turn % others.length] ?? believed
}
