/** A put on its way to a decision, and the call of `putIfAbsent` that it belongs to. */
import type { DedupPut, Outcome } from '../port.ts'

export class PutGroup {
  readonly outcomes: Outcome[]
  readonly decided: Promise<readonly Outcome[]>
  #left: number
  #resolve!: (outcomes: readonly Outcome[]) => void

  constructor(size: number) {
    this.outcomes = new Array<Outcome>(size)
    this.#left = size
    this.decided = new Promise((resolve) => {
      this.#resolve = resolve
    })
    if (size === 0) this.#resolve(this.outcomes)
  }

  conclude(index: number, outcome: Outcome): void {
    this.outcomes[index] = outcome
    if (--this.#left === 0) this.#resolve(this.outcomes)
  }
}

export interface WaitingPut {
  readonly put: DedupPut
  readonly group: PutGroup
  readonly index: number
  /** Milliseconds since the epoch. */
  readonly deadlineMs: number
  /** How often it was turned away by a shard that does not own its slot. */
  turnedAway: number
}

export function giveUp(waiting: WaitingPut, reason: string): void {
  waiting.group.conclude(waiting.index, { kind: 'unavailable', reason })
}
