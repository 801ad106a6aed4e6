/**
 * Migrations, one after the other, for as long as there is load: between rings of one to three shards, with a fate drawn from the seed: to run
 * to their end, to be withdrawn in some phase (which undoes them), and in either case perhaps to lose the operator in some phase.
 */

import { seeded } from '@fractal-lba/demo/agents/mix'
import { applyMigration, withdrawMigration } from '@fractal-lba/demo/fleet/migration-resource'
import { MigrationWatch } from '@fractal-lba/demo/fleet/migration-watch'
import type { Operator } from '@fractal-lba/demo/fleet/operator'
import type { Events } from '@fractal-lba/demo/view/events'
import type { MigrationReading } from '@fractal-lba/demo/view/snapshot'
import type { Backend, Shard } from './shards.ts'

export interface MigrationsParts {
  readonly seed: number
  readonly backend: Backend
  readonly shards: readonly Shard[]
  readonly operator: Operator
  readonly events: Events
}

export interface MigrationCounts {
  completed: number
  rolledBack: number
  /** Operators that were killed in the middle of one. */
  operatorsKilled: number
}

type Interruptible = 'Copying' | 'Verifying' | 'DualWrite' | 'Cutover'
const PHASES: readonly Interruptible[] = ['Copying', 'Verifying', 'DualWrite', 'Cutover']

const LOOK_EVERY_MS = 250
/** With faults all the time; a migration that takes longer is stuck. */
const PATIENCE_MS = 900_000
const WITHDRAWN_SHARE = 0.35
const OPERATOR_KILLED_SHARE = 0.4
/** Faults would fail any gate, and hold anything up; here what is wanted is that keys stay decided once, not that nobody notices. */
const PATIENT = {
  maxLatencyP95Ms: 60_000,
  maxErrorRate: 100,
  minDedupHitRatio: 0,
  maxLagSeconds: 10,
  progressDeadlineSeconds: 300,
} as const

export class Migrations {
  readonly counts: MigrationCounts = { completed: 0, rolledBack: 0, operatorsKilled: 0 }
  readonly #parts: MigrationsParts
  readonly #random: () => number
  readonly #ended: Promise<void>
  /** Indexes of the shards that own slots. */
  #owners: readonly number[] = [0]
  #stopping = false

  constructor(parts: MigrationsParts) {
    this.#parts = parts
    this.#random = seeded(parts.seed)
    this.#ended = this.#run().catch((error: Error) => parts.events.bad(error.message))
  }

  /** Starts no other one. Resolves when the one under way has ended. */
  async stop(): Promise<void> {
    this.#stopping = true
    await this.#ended
  }

  async #run(): Promise<void> {
    for (let number = 1; !this.#stopping; number++) await this.#migrate(`migration-${number}`)
  }

  async #migrate(name: string): Promise<void> {
    const { operator, events, shards, backend } = this.#parts
    const targets = this.#otherRing()
    const phase = () => PHASES[Math.floor(this.#random() * PHASES.length)] as Interruptible
    let withdrawIn = this.#random() < WITHDRAWN_SHARE ? phase() : undefined
    let killIn = this.#random() < OPERATOR_KILLED_SHARE ? phase() : undefined
    const urls = (indexes: readonly number[]) => indexes.map((index) => (shards[index] as Shard).url)
    const names = (indexes: readonly number[]) => indexes.map((index) => index + 1).join(' ')
    events.info(`${name}: slots of shards ${names(this.#owners)} go to ${names(targets)}`)
    await applyMigration(operator.dir, {
      name,
      backend,
      sources: urls(this.#owners),
      targets: urls(targets),
      ...PATIENT,
      brisk: true,
      copyCeiling: undefined,
    })
    const watch = new MigrationWatch(() => Date.now())
    let last: MigrationReading | undefined
    for (const until = performance.now() + PATIENCE_MS; ; await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))) {
      const text = await operator.readStatusText(name)
      // A status that goes away after a withdrawal says that everything was put back.
      if (text === undefined && last && withdrawIn === undefined && last.ended === undefined)
        return this.#tellEnd(name, 'RolledBack', targets)
      const now = watch.read(text)
      if (now && now.phase !== last?.phase) events.info(`${name}: ${now.phase}`)
      last = now ?? last
      if (now?.ended) break
      if (now && now.phase === killIn) {
        killIn = undefined
        events.warn(`${name}: the operator is killed in ${now.phase}`)
        await operator.killAndSucceed()
        this.counts.operatorsKilled++
      }
      if (now && now.phase === withdrawIn) {
        withdrawIn = undefined
        events.warn(`${name}: it is withdrawn in ${now.phase}`)
        await withdrawMigration(operator.dir, name)
      }
      if (performance.now() > until)
        throw new Error(`${name} has not ended after ${PATIENCE_MS / 1000} s: ${last?.phase}, "${last?.message}"`)
    }
    // It gave up by itself (no progress in time, say); what it has changed by then is undone by its withdrawal.
    if (last?.ended === 'Failed') events.warn(`${name} has failed: ${last.message}`)
    await withdrawMigration(operator.dir, name)
    await this.#untilForgotten(name)
    this.#tellEnd(name, last?.ended === 'Completed' ? 'Completed' : 'RolledBack', targets)
  }

  #tellEnd(name: string, ended: 'Completed' | 'RolledBack', targets: readonly number[]): void {
    if (ended === 'Completed') {
      this.#owners = targets
      this.counts.completed++
    } else this.counts.rolledBack++
    this.#parts.events.good(`${name}: ${ended === 'Completed' ? 'completed' : 'rolled back'}`)
  }

  async #untilForgotten(name: string): Promise<void> {
    for (const until = performance.now() + PATIENCE_MS; performance.now() < until; ) {
      if ((await this.#parts.operator.readStatusText(name)) === undefined) return
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
    }
    throw new Error(`${name} has ended, but its status is still there ${PATIENCE_MS / 1000} s after it was withdrawn`)
  }

  #otherRing(): readonly number[] {
    const all = this.#parts.shards.map((_, index) => index)
    for (;;) {
      const some = all.filter(() => this.#random() < 0.6)
      if (some.length > 0 && some.join() !== this.#owners.join()) return some
    }
  }
}
