/**
 * Which shards this pod works with, by the fleet config it runs. A new config is applied as a whole or not at all: shards that it adds
 * are connected, and have answered, before it counts, so that whoever pushed it may move slots to them from then on.
 */
import { type ConfigPush, type FleetConfig, revisionOf } from '@fractal-lba/protocol/config/fleet-config'
import { parseShardList, type ShardAddress } from '@fractal-lba/shards/address'
import type { ShardData } from '@fractal-lba/shards/port'
import type { ShardedStore } from './sharded-store.ts'

const CONNECT_TIMEOUT_MS = 3_000

export type ApplyResult =
  | { readonly kind: 'applied' }
  /** Whoever sent it was deposed: a higher generation has been seen. */
  | { readonly kind: 'fenced'; readonly seen: number }
  | { readonly kind: 'invalid'; readonly problem: string }
  | { readonly kind: 'unreachable'; readonly problem: string }

export interface FleetMembershipParts {
  readonly store: ShardedStore
  readonly connect: (address: ShardAddress) => ShardData
  readonly wallClock: () => number
  /** Keeps the config for the next start. */
  readonly persist: (push: ConfigPush) => Promise<void>
  /** A shard has left and its connections could not be closed well; for the log. */
  readonly onCloseFailed: (error: unknown) => void
}

export class FleetMembership {
  readonly #parts: FleetMembershipParts
  #current: ConfigPush
  #applying: Promise<unknown> = Promise.resolve()

  /** @param started what the store was started with */
  constructor(started: ConfigPush, parts: FleetMembershipParts) {
    this.#current = started
    this.#parts = parts
    parts.store.slowDown(started.config.slowdown)
  }

  get current(): ConfigPush {
    return this.#current
  }

  /** Pushes are applied one after the other, in the order in which they came. */
  apply(push: ConfigPush): Promise<ApplyResult> {
    const result = this.#applying.then(() => this.#apply(push))
    this.#applying = result.catch(() => {})
    return result
  }

  async #apply(push: ConfigPush): Promise<ApplyResult> {
    const { store, persist, onCloseFailed } = this.#parts
    const problem = problemOf(push)
    if (problem !== undefined) return { kind: 'invalid', problem }
    if (push.generation < this.#current.generation) return { kind: 'fenced', seen: this.#current.generation }
    const [before, after] = [parseShardList(this.#current.config.shards), parseShardList(push.config.shards)]
    if (before[0]?.kind !== after[0]?.kind) return { kind: 'invalid', problem: 'the kind of store of a fleet cannot change' }
    const connected = await this.#connect(after.filter((shard) => !before.some((old) => old.url === shard.url)))
    if ('problem' in connected) return { kind: 'unreachable', problem: connected.problem }
    for (const data of connected.shards) store.addShard(data).catch(onCloseFailed)
    for (const { id } of before) {
      if (!after.some((shard) => shard.id === id)) store.removeShard(id).catch(onCloseFailed)
    }
    store.slowDown(push.config.slowdown)
    this.#current = push
    await persist(push)
    return { kind: 'applied' }
  }

  async #connect(addresses: readonly ShardAddress[]): Promise<{ shards: ShardData[] } | { problem: string }> {
    const shards = addresses.map((address) => this.#parts.connect(address))
    const deadlineMs = this.#parts.wallClock() + CONNECT_TIMEOUT_MS
    const answers = await Promise.allSettled(shards.map((shard) => shard.ping(deadlineMs)))
    const failed = answers.find((answer) => answer.status === 'rejected')
    if (!failed) return { shards }
    await Promise.allSettled(shards.map((shard) => shard.close()))
    return { problem: (failed.reason as Error).message }
  }
}

/** What is wrong with a push, in itself. Never quotes an address: it may hold credentials. */
export function problemOf(push: ConfigPush): string | undefined {
  try {
    parseShardList(push.config.shards)
  } catch (error) {
    return (error as Error).message
  }
  return push.revision === revisionOf(push.config) ? undefined : 'the revision is not that of the config'
}

/** A config of the environment, as if it had been pushed before any operator was there. */
export function startingConfig(config: FleetConfig): ConfigPush {
  return { generation: 0, revision: revisionOf(config), config }
}
