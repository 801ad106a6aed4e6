/** A put on its way to a decision, and the call of `putIfAbsent` that it belongs to. */
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
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

/** For one that is late: that nobody owned its slot says more than where it stood when its time was over. */
export function giveUpLate(waiting: WaitingPut, elseReason: string): void {
  giveUp(waiting, waiting.turnedAway > 0 ? nobodyOwned(waiting.put.slot) : elseReason)
}

export const nobodyOwned = (slot: SlotId): string => `no shard owned slot ${slot} in time`
