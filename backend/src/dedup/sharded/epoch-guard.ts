/**
 * Watches that a shard does not forget. Each reply carries how many ownership changes the shard has made; when that number falls, the
 * server has lost state (a replica took over that lacked the last writes, a disk was replaced), and what it says about ownership and
 * records is not to be built on. Such a shard gets no writes until someone has looked and acknowledged it.
 */
export class EpochGuard {
  #highest = 0
  #regressedTo: number | undefined

  /** What a call must be checked against: taken before it is sent, since replies may arrive in another order than they were made. */
  get highest(): number {
    return this.#highest
  }

  get regressed(): boolean {
    return this.#regressedTo !== undefined
  }

  /** @param highestAtSend `highest` when the call was sent. @returns whether the reply may be believed. */
  accept(epoch: number, highestAtSend: number): boolean {
    if (epoch < highestAtSend) {
      this.#regressedTo = epoch
      return false
    }
    if (epoch > this.#highest) this.#highest = epoch
    return !this.regressed
  }

  /** Someone has checked the shard: from here its present epoch counts. */
  acknowledge(): void {
    if (this.#regressedTo === undefined) return
    this.#highest = this.#regressedTo
    this.#regressedTo = undefined
  }
}
