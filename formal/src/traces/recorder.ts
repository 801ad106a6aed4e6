/**
 * Watches a simulated life from inside its shards and writes down each moving slot's states, one for every change: a trace a slot and
 * migration. It changes nothing, so a recorded life is the life that the seed gives anyway.
 */
import type { MemoryServer } from '@fractal-lba/shards/memory/server'
import type { MigrationId, ShardControl, ShardData, ShardId } from '@fractal-lba/shards/port'
import { runSeed } from '@fractal-lba/simulation/world/run-seed'
import type { Variant } from '@fractal-lba/simulation/world/variant'
import {
  type AbstractState,
  abstractDocument,
  atShard,
  isAnothers,
  type MovingSlot,
  NO_DOCUMENT,
  newestDocument,
} from './abstract-state.ts'

export interface SlotTrace {
  readonly seed: number
  readonly of: MovingSlot
  readonly states: readonly AbstractState[]
}

/** Records that live longer than this outlive the simulation: the model knows no expiry. */
const LONG_MS = 86_400_000

/** @throws SimulationFailure where the life itself goes wrong. */
export async function recordLife(seed: number): Promise<SlotTrace[]> {
  const recorder = new Recorder(seed)
  // No record expires within such a life, by its own clock or by a long pause, so that every record is one of the model's.
  await runSeed(seed, { scenario: { ttlMs: new Map(), longPauseAtMs: undefined }, variant: recorder.variant })
  return recorder.traces
}

class Recorder {
  readonly #seed: number
  readonly #servers = new Map<ShardId, MemoryServer>()
  readonly #recording = new Map<
    string,
    { readonly of: MovingSlot; readonly states: AbstractState[]; last: string; over: boolean }
  >()

  constructor(seed: number) {
    this.#seed = seed
  }

  get variant(): Variant {
    return {
      name: 'recorded',
      shardControl: (ours, server) => this.#watched(ours, server),
      shardData: (ours, server) => this.#watched(ours, server),
    }
  }

  get traces(): SlotTrace[] {
    return [...this.#recording.values()].map(({ of, states }) => ({ seed: this.#seed, of, states }))
  }

  #watched<T extends ShardControl | ShardData>(shard: T, server: MemoryServer): T {
    this.#servers.set(server.id, server)
    return new Proxy(shard, {
      get: (target, name) => {
        const member = Reflect.get(target, name) as unknown
        if (typeof member !== 'function') return member
        return (...args: readonly unknown[]) => {
          // A memory shard does its work before its promise is returned: what is seen now is of this call alone.
          const reply = (member as (...args: unknown[]) => Promise<unknown>).apply(target, [...args])
          this.#look()
          return reply
        }
      },
    })
  }

  #look(): void {
    const servers = [...this.#servers.values()]
    const ids = new Set(servers.flatMap(({ migrations }) => [...migrations.keys()]))
    for (const migration of ids) this.#lookAt(migration, servers)
  }

  #lookAt(migration: MigrationId, servers: readonly MemoryServer[]): void {
    const document = newestDocument(servers, migration)
    const doc = abstractDocument(document)
    for (const { source, target, slots } of document?.moves ?? []) {
      const [from, to] = [this.#servers.get(source), this.#servers.get(target)]
      if (!from || !to) continue
      for (const slot of slots) {
        const of = { migration, slot, source, target }
        if ([from, to].some(({ rows }) => isAnothers(rows.get(slot), migration))) this.#end(of)
        const livesPastMs = from.now() + LONG_MS
        const state = { source: atShard(from, of, livesPastMs), target: atShard(to, of, livesPastMs), doc }
        this.#add(of, state)
      }
    }
  }

  #end(of: MovingSlot): void {
    const known = this.#recording.get(nameOf(of))
    if (known) known.over = true
  }

  #add(of: MovingSlot, state: AbstractState): void {
    const name = nameOf(of)
    const text = JSON.stringify(state)
    const known = this.#recording.get(name)
    // Only the document came into being with the call that began the migration.
    if (!known) this.#recording.set(name, { of, states: [{ ...state, doc: NO_DOCUMENT }, state], last: text, over: false })
    else if (known.last !== text && !known.over) {
      known.states.push(state)
      known.last = text
      // A completed migration lets go of the slot: what comes then is another's. A rolled-back one may yet go forward again.
      known.over = state.doc.end === 'completed'
    }
  }
}

function nameOf({ migration, slot }: MovingSlot): string {
  return `${migration} ${slot}`
}
