/**
 * Looks at the whole fleet a few times a second and makes one `Snapshot` of it, for the view and for those who wait for a moment. Only
 * looks: what it sees comes from the agents, the pods' admin ports, the operator's status file and the shards' own rows.
 */
import type { LoadReading, MigrationReading, PodState, Snapshot } from '../view/snapshot.ts'

export interface Watched {
  load(): LoadReading
  pods(): Promise<PodState[]>
  migration(): Promise<MigrationReading | undefined>
  /** Dearer than the rest; asked less often. */
  slotOwners(): Promise<Int8Array | undefined>
  close(): Promise<void>
}

const LOOK_EVERY_MS = 400
const SLOTS_EVERY_MS = 1500

interface Waiter {
  readonly holds: (moment: Snapshot) => boolean
  readonly resolve: (moment: Snapshot) => void
  readonly reject: (why: Error) => void
}

/** The run was ended while someone waited for a moment that had not come. */
export class RunEnded extends Error {
  constructor(why: string) {
    super(why)
    this.name = 'RunEnded'
  }
}

export class Watch {
  readonly #watched: Watched
  readonly #startedAtMs: number
  readonly #onLook: (moment: Snapshot) => void
  readonly #waiters = new Set<Waiter>()
  #slotOwners: Int8Array | undefined
  #ended: RunEnded | undefined
  #looking: Promise<void> = Promise.resolve()
  #closed: Promise<void> | undefined

  constructor(watched: Watched, startedAtMs: number, onLook: (moment: Snapshot) => void) {
    this.#watched = watched
    this.#startedAtMs = startedAtMs
    this.#onLook = onLook
  }

  start(): void {
    this.#looking = Promise.all([this.#lookUntilEnded(), this.#askSlotsUntilEnded()]).then(() => {})
  }

  /** Resolves with the first moment for which `holds` does. @throws RunEnded when the run ends before. */
  until(holds: (moment: Snapshot) => boolean): Promise<Snapshot> {
    if (this.#ended) return Promise.reject(this.#ended)
    return new Promise((resolve, reject) => this.#waiters.add({ holds, resolve, reject }))
  }

  /** Those who wait are told `why`. Idempotent; resolves when nothing looks any more. */
  async end(why: string): Promise<void> {
    this.#ended ??= new RunEnded(why)
    for (const waiter of this.#waiters) waiter.reject(this.#ended)
    this.#waiters.clear()
    await this.#looking
    this.#closed ??= this.#watched.close()
    await this.#closed
  }

  async #lookUntilEnded(): Promise<void> {
    while (!this.#ended) {
      const began = performance.now()
      const [pods, migration] = await Promise.all([this.#watched.pods(), this.#watched.migration()])
      if (this.#ended) return
      const elapsedMs = Date.now() - this.#startedAtMs
      const moment: Snapshot = { elapsedMs, load: this.#watched.load(), pods, migration, slotOwners: this.#slotOwners }
      this.#onLook(moment)
      for (const waiter of this.#waiters) {
        if (!waiter.holds(moment)) continue
        this.#waiters.delete(waiter)
        waiter.resolve(moment)
      }
      await pause(LOOK_EVERY_MS - (performance.now() - began))
    }
  }

  async #askSlotsUntilEnded(): Promise<void> {
    while (!this.#ended) {
      // A shard that does not answer now is no news of the slots; the next look may be.
      this.#slotOwners = (await this.#watched.slotOwners().catch(() => undefined)) ?? this.#slotOwners
      await pause(SLOTS_EVERY_MS)
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(10, ms)))
}
