/** Inflicts a schedule on a fleet: each fault at its time, never two at one target, until it is told to stop; then all is whole again. */
import { type FaultKind, type PlannedFault, schedule } from './schedule.ts'
import { type Scene, STRIKES } from './strikes.ts'

/** More at once and the fleet only stands still. */
const AT_ONCE_MAX = 2

export interface InflictOptions {
  readonly seed: number
  readonly kinds: readonly FaultKind[]
  readonly gapMs: number
}

export class Infliction {
  readonly counts = new Map<FaultKind, number>()
  readonly #scene: Scene
  readonly #busy = new Map<string, Promise<void>>()
  readonly #ended: Promise<void>
  #stopping = false
  #wake: (() => void) | undefined

  constructor(options: InflictOptions, scene: Scene) {
    this.#scene = scene
    this.#ended = this.#run(options)
  }

  /** No new faults. Resolves when everything that was struck is whole again. @throws Error when something could not be brought back. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#wake?.()
    await this.#ended
    await Promise.all(this.#busy.values())
  }

  async #run({ seed, kinds, gapMs }: InflictOptions): Promise<void> {
    const targets = Math.max(this.#scene.pods.length, this.#scene.shards.length)
    for (const fault of schedule({ seed, kinds, targets, gapMs })) {
      await this.#pause(fault.afterMs)
      const target = this.#targetOf(fault)
      while (!this.#stopping && (this.#busy.has(target) || this.#busy.size >= AT_ONCE_MAX))
        await Promise.race(this.#busy.values())
      if (this.#stopping) return
      const struck = this.#strike(fault, target).finally(() => this.#busy.delete(target))
      // Looked at in `stop`; a failure must not end the process before.
      struck.catch(() => {})
      this.#busy.set(target, struck)
    }
  }

  async #strike(fault: PlannedFault, target: string): Promise<void> {
    const { events } = this.#scene
    events.warn(`fault ${fault.number}: ${fault.kind} at ${target} for ${(fault.holdMs / 1000).toFixed(1)} s`)
    try {
      await STRIKES[fault.kind](this.#scene, fault)
      this.counts.set(fault.kind, (this.counts.get(fault.kind) ?? 0) + 1)
    } catch (error) {
      events.bad(`fault ${fault.number} (${fault.kind} at ${target}): ${(error as Error).message}`)
    }
  }

  #targetOf({ kind, target }: PlannedFault): string {
    const { pods, shards } = this.#scene
    if (kind.startsWith('pod')) return pods[target % pods.length]?.name ?? kind
    return kind.startsWith('shard') ? (shards[target % shards.length]?.name ?? kind) : 'the operator'
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
      if (this.#stopping) this.#wake()
    })
  }
}
