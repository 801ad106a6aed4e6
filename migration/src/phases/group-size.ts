/**
 * How many slots to ask a server about in one call. A digest is computed inside the server, where it delays everyone else, and how long it
 * takes depends on how full the slots are; so the size follows the time that the last call took.
 */
const SHORT_MS = 10
const LONG_MS = 25
const MAX_SLOTS = 256
/** On a busy machine a call takes long whatever it asks: fewer slots than this a call would not make it shorter, only slower overall. */
const MIN_SLOTS = 32

export class GroupSize {
  #slots = MIN_SLOTS

  get slots(): number {
    return this.#slots
  }

  took(ms: number): void {
    if (ms < SHORT_MS) this.#slots = Math.min(MAX_SLOTS, this.#slots * 2)
    else if (ms > LONG_MS) this.#slots = Math.max(MIN_SLOTS, this.#slots >> 1)
  }
}
