/**
 * How many slots to ask a server about in one call. A digest is computed inside the server, and how long it takes depends on how full the slots
 * are; so the size follows the time that the last call took. A Redis server answers nobody else meanwhile: its calls are short. In PostgreSQL a
 * digest stands in nobody's way, and many slots at once are read faster.
 */
import type { ShardControl } from '@fractal-lba/shards/port'

interface Pace {
  /** A call shorter than this may grow. */
  readonly shortMs: number
  /** One longer than this shrinks. */
  readonly longMs: number
  /** On a busy machine a call takes long whatever it asks: fewer slots than this a call would not make it shorter, only slower overall. */
  readonly fewest: number
  readonly most: number
}

const PACES: Readonly<Record<ShardControl['kind'], Pace>> = {
  memory: { shortMs: 10, longMs: 25, fewest: 32, most: 256 },
  redis: { shortMs: 4, longMs: 10, fewest: 16, most: 256 },
  postgres: { shortMs: 100, longMs: 250, fewest: 32, most: 1024 },
}

export class GroupSize {
  readonly #pace: Pace
  #slots: number

  constructor(kind: ShardControl['kind']) {
    this.#pace = PACES[kind]
    this.#slots = this.#pace.fewest
  }

  get slots(): number {
    return this.#slots
  }

  took(ms: number): void {
    const { shortMs, longMs, fewest, most } = this.#pace
    if (ms < shortMs) this.#slots = Math.min(most, this.#slots * 2)
    else if (ms > longMs) this.#slots = Math.max(fewest, this.#slots >> 1)
  }
}
