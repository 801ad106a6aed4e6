/**
 * The right to change ownership, held at every shard of a migration under one generation. What makes it safe is not the time that it
 * runs for but the generation: each shard refuses calls with a lower one than it has seen, so a holder that was paused for an
 * hour wakes up powerless.
 */
import type { Fence, Lease, MigrationId, ShardId } from '@fractal-lba/shards/port'
import { ShardRefused } from '@fractal-lba/shards/port'
import type { Clock } from '../clock.ts'
import type { Controls } from '../observe.ts'
import { MigrationStopped } from '../stopped.ts'

export const DEFAULT_LEASE_TTL_MS = 15_000

export interface LeaseOptions {
  /** Who asks, for the messages that others get. Unique: two processes of one name would count as one. */
  readonly holder: string
  readonly ttlMs: number
  /** Take it although another's has not run out. */
  readonly takeOver: boolean
}

export class FleetLease {
  #generation = 0
  #lost: MigrationStopped | undefined
  readonly #controls: Controls
  readonly #options: LeaseOptions
  readonly #clock: Clock
  readonly #ended = new AbortController()
  #renewing: Promise<void> = Promise.resolve()

  private constructor(controls: Controls, options: LeaseOptions, clock: Clock) {
    this.#controls = controls
    this.#options = options
    this.#clock = clock
  }

  /** @throws MigrationStopped `LeaseLost` when another holds it; ShardUnavailable when a shard does not answer. */
  static async acquire(controls: Controls, options: LeaseOptions, clock: Clock): Promise<FleetLease> {
    const lease = new FleetLease(controls, options, clock)
    const seen = await Promise.all(inOrder(controls).map((control) => control.describe()))
    const highest = Math.max(...seen.map(({ fence, lease }) => Math.max(fence, lease?.generation ?? 0)))
    await lease.#takeEverywhere(highest + 1, options.takeOver)
    lease.#renewing = lease.#keepRenewing()
    return lease
  }

  get generation(): number {
    return this.#generation
  }

  fence(migration: MigrationId): Fence {
    return { generation: this.#generation, migration }
  }

  /**
   * Takes the next generation at every shard: from its return no call that was made before can change anything anywhere. Never takes
   * over: where another was faster, this one is lost.
   */
  async raise(): Promise<void> {
    this.check()
    await this.#takeEverywhere(this.#generation + 1, false)
  }

  /** @throws MigrationStopped once another has taken over. */
  check(): void {
    if (this.#lost) throw this.#lost
  }

  /** Records that a call was refused because of a newer holder. */
  markLost(refused: ShardRefused): MigrationStopped {
    this.#lost ??= new MigrationStopped('LeaseLost', `${refused.message}. This process has stopped and changed nothing since`, {
      cause: refused,
    })
    this.#ended.abort()
    return this.#lost
  }

  /** Lets go of it at every shard that answers. */
  async release(): Promise<void> {
    this.#ended.abort()
    // A renewal that is under way would take again what is let go of here, for a whole lifetime of the lease.
    await this.#renewing
    if (this.#lost) return
    await Promise.allSettled(inOrder(this.#controls).map((control) => control.releaseLease(this.#generation)))
  }

  async #takeEverywhere(generation: number, takeOver: boolean): Promise<void> {
    // From here every call carries it. A raise that fails half-way is made again, with a higher one.
    this.#generation = generation
    // One shard after the other, in the order of their ids: of two that try at once, the first shard picks one.
    for (const control of inOrder(this.#controls)) await this.#take(control.id, generation, takeOver)
  }

  async #take(shard: ShardId, generation: number, takeOver: boolean): Promise<void> {
    const { holder, ttlMs } = this.#options
    try {
      await this.#controls.get(shard)!.acquireLease({ holder, generation, ttlMs, takeOver })
    } catch (error) {
      // A renewal that a raise of ours has overtaken is no loss.
      if (error instanceof ShardRefused && generation === this.#generation) throw this.markLost(error)
      throw error
    }
  }

  async #keepRenewing(): Promise<void> {
    const signal = this.#ended.signal
    for (;;) {
      await this.#clock.sleep(this.#options.ttlMs / 3, signal)
      for (const control of inOrder(this.#controls)) {
        if (signal.aborted) return
        // A shard that is down for a while does not end the lease: the generation keeps it safe, and the next round renews it.
        await this.#take(control.id, this.#generation, false).catch(() => undefined)
      }
      if (this.#lost) return
    }
  }
}

/** Who holds a lease at any of these shards, for people. */
export function holderOf(leases: readonly (Lease | undefined)[]): string | undefined {
  return leases.find((lease) => lease !== undefined && lease.remainingMs > 0)?.holder
}

function inOrder(controls: Controls) {
  return [...controls.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
}
