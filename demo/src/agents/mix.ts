/**
 * What the agents send, drawn from a seeded generator: new summaries, replays of recent ones, and equivocations (another content for a
 * pcs_id that was sent before). Replays go to any pod, and some leave together with their original, so that pods race for a key.
 */

/** `race`: a new summary, and at once the same bytes to another pod. */
export type Errand = 'new' | 'race' | 'replay' | 'equivocation'

/** Uniform in [0, 1). Mulberry32: small, seeded, good enough to draw a mix from. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/**
 * A deck of errands, dealt in random order and shuffled anew when it is empty: the mix is then right over any few seconds, not only on average,
 * and a health gate on the share of duplicates sees the fleet and not the luck of the draw. A race makes two requests, one of them a
 * duplicate: 54 % new, 40 % replays, 6 % equivocations. A fleet's dedup hit ratio is then 46 %, above the 40 % of its default gate.
 */
const DECK: readonly (readonly [Errand, number])[] = [
  ['new', 26],
  ['race', 2],
  ['replay', 19],
  ['equivocation', 3],
]

export class Mix {
  readonly #random: () => number
  #left: Errand[] = []

  constructor(random: () => number) {
    this.#random = random
  }

  /** @param canRepeat whether anything was sent that could be repeated. */
  draw(canRepeat: boolean): Errand {
    if (this.#left.length === 0) this.#left = DECK.flatMap(([kind, count]) => new Array<Errand>(count).fill(kind))
    const at = Math.floor(this.#random() * this.#left.length)
    const kind = this.#left[at] as Errand
    this.#left[at] = this.#left.at(-1) as Errand
    this.#left.pop()
    return !canRepeat && (kind === 'replay' || kind === 'equivocation') ? 'new' : kind
  }
}
