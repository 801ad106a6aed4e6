/**
 * How many slots to ask a server about in one call. A digest is computed inside the server, where it delays everyone else, and how long it
 * takes depends on how full the slots are; so the size follows the time that the last call took.
 */
const SHORT_MS = 10
const LONG_MS = 25
const MAX_SLOTS = 256

export class GroupSize {
  #slots = 8

  get slots(): number {
    return this.#slots
  }

  took(ms: number): void {
    if (ms < SHORT_MS) this.#slots = Math.min(MAX_SLOTS, this.#slots * 2)
    else if (ms > LONG_MS) this.#slots = Math.max(1, this.#slots >> 1)
  }
}
