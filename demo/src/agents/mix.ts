/**
 * What the agents send, drawn from a seeded generator: new summaries, replays of recent ones, and equivocations (another content for a
 * pcs_id that was sent before). Replays go to any pod, and some leave together with their original, so that pods race for a key.
 */

export type Errand =
  | { readonly kind: 'new' }
  /** A new summary, and at once the same bytes to another pod. */
  | { readonly kind: 'race' }
  | { readonly kind: 'replay' }
  | { readonly kind: 'equivocation' }

/**
 * Shares of errands. A race makes two requests, one of them a duplicate, so of 100 errands 104 requests come out: 54 % new, 40 % replays, 6 %
 * equivocations. A fleet's dedup hit ratio is then about 46 %, above the 40 % that its gate asks for by default.
 */
const SHARES: readonly (readonly [Errand['kind'], number])[] = [
  ['new', 0.52],
  ['race', 0.04],
  ['replay', 0.38],
  ['equivocation', 0.06],
]

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

/** @param canRepeat whether anything was sent that could be repeated. */
export function drawErrand(random: () => number, canRepeat: boolean): Errand {
  let left = random()
  for (const [kind, share] of SHARES) {
    left -= share
    if (left < 0) return !canRepeat && (kind === 'replay' || kind === 'equivocation') ? { kind: 'new' } : { kind }
  }
  return { kind: 'new' }
}
