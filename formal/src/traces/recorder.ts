/**
 * Watches a simulated life from inside its shards and writes down each moving slot's states, one for every change: a trace a slot and
 * migration. It changes nothing, so a recorded life is the life that the seed gives anyway.
 */
import { documentsOf, type MigrationDocument } from '@fractal-lba/migration/document'
import type { MemoryServer } from '@fractal-lba/shards/memory/server'
import type { MigrationId, ShardControl, ShardData, ShardId } from '@fractal-lba/shards/port'
import { SimulationFailure } from '@fractal-lba/simulation/world/failure'
import { type Life, runSeed } from '@fractal-lba/simulation/world/run-seed'
import { OURS, type Variant } from '@fractal-lba/simulation/world/variant'
import { type AbstractState, abstractDocument, atShard, isAnothers, type MovingSlot, NO_DOCUMENT } from './abstract-state.ts'

export interface SlotTrace {
  readonly seed: number
  readonly of: MovingSlot
  readonly states: readonly AbstractState[]
}

/** Records that live longer than this outlive the simulation: the model knows no expiry. */
const LONG_MS = 86_400_000

/** A life to its end. @throws SimulationFailure where it goes wrong. */
export async function recordLife(seed: number): Promise<{ life: Life; traces: SlotTrace[] }> {
  const recorder = new Recorder(seed, OURS)
  return { life: await recorder.live(), traces: recorder.traces }
}

/** A life with a planted bug, up to where the simulator notices it, if it does. */
export async function recordPlanted(seed: number, planted: Variant): Promise<SlotTrace[]> {
  const recorder = new Recorder(seed, planted)
  await recorder.live().catch((error: unknown) => {
    if (!(error instanceof SimulationFailure)) throw error
  })
  return recorder.traces
}

class Recorder {
  readonly #seed: number
  readonly #variant: Variant
  readonly #servers = new Map<ShardId, MemoryServer>()
  #read: { readonly texts: readonly string[]; readonly documents: ReadonlyMap<MigrationId, MigrationDocument> } = {
    texts: [],
    documents: new Map(),
  }
  readonly #recording = new Map<
    string,
    { readonly of: MovingSlot; readonly states: AbstractState[]; last: string; over: boolean }
  >()

  constructor(seed: number, variant: Variant) {
    this.#seed = seed
    this.#variant = variant
  }

  /** No record expires within it, by its own clock or by a long pause, so that every record is one of the model's. */
  live(): Promise<Life> {
    const { shardControl, shardData } = this.#variant
    return runSeed(this.#seed, {
      scenario: { ttlMs: new Map(), longPauseAtMs: undefined },
      variant: {
        ...this.#variant,
        shardControl: (ours, server) => this.#watched(shardControl?.(ours, server) ?? ours, server),
        shardData: (ours, server) => this.#watched(shardData?.(ours, server) ?? ours, server),
      },
    })
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
    for (const [migration, document] of this.#documentsAt(servers)) this.#lookAt(migration, document)
  }

  /** Reading them takes longer than everything else here, and they seldom change. */
  #documentsAt(servers: readonly MemoryServer[]): ReadonlyMap<MigrationId, MigrationDocument> {
    const texts = servers.flatMap(({ migrations }) => [...migrations.values()])
    const read = this.#read
    if (texts.length !== read.texts.length || texts.some((text, index) => text !== read.texts[index]))
      this.#read = { texts, documents: documentsOf(servers) }
    return this.#read.documents
  }

  #lookAt(migration: MigrationId, document: MigrationDocument): void {
    const doc = abstractDocument(document)
    for (const { source, target, slots } of document.moves) {
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
