/**
 * What an agent has to send: summaries are made ahead of need, recent ones are kept to be replayed, and other contents are made for keys
 * that were sent before. Each submission says what the journal must know of it before it leaves.
 */

import type { Pcs } from '@fractal-lba/protocol/pcs/schema'
import { budgetOf } from '@fractal-lba/protocol/pcs/signals'
import { dedupKey } from '@fractal-lba/protocol/ring/slots'
import { roundToNine } from '@fractal-lba/protocol/signing/decimal'
import { contentHash, renderCanonical } from '@fractal-lba/protocol/signing/renderings'

export interface Submission {
  /** Hex. */
  readonly key: string
  /** Hex. */
  readonly content: string
  /** The client signs it. */
  readonly pcs: Pcs
}

/** Replays and equivocations are about one of the last so many keys. */
const RECENT_MAX = 4096
/** A step of r that no rounding hides: nine decimals are signed. */
const R_STEP = 1e-6
/** So many equivocations until a step is used again: more than are made for any one key. */
const STEPS = 50_000
/** Every so many equivocations contradict themselves: a verifier that decides on one must put the key under review, and keep to that. */
const WRONG_BUDGET_EVERY = 4

export class Submissions {
  readonly tenant: string
  readonly #summaries: Iterator<Pcs, never>
  readonly #random: () => number
  readonly #ready: Submission[] = []
  readonly #recent: Submission[] = []
  #sent = 0
  #equivocations = 0

  constructor(tenant: string, summaries: Iterator<Pcs, never>, random: () => number) {
    this.tenant = tenant
    this.#summaries = summaries
    this.#random = random
  }

  /** Summaries that wait to be sent. */
  get ahead(): number {
    return this.#ready.length
  }

  get canRepeat(): boolean {
    return this.#recent.length > 0
  }

  /** Makes one more summary ahead of need. */
  prepare(): void {
    this.#ready.push(this.#submissionOf(this.#summaries.next().value))
  }

  /** One that was never sent. */
  takeNew(): Submission {
    if (this.#ready.length === 0) this.prepare()
    const next = this.#ready.shift() as Submission
    this.#recent[this.#sent++ % RECENT_MAX] = next
    return next
  }

  /** The same content as before. */
  takeReplay(): Submission {
    return this.#anyRecent()
  }

  /** Another content for a key that was sent before: well-formed and to be signed, as a dishonest or broken agent would send it. */
  takeEquivocation(): Submission {
    const { pcs } = this.#anyRecent()
    const n = ++this.#equivocations
    // No other equivocation of the key has this r, so the recomputed budget in an answer tells which content was decided on.
    const step = (1 + (n % STEPS)) * R_STEP
    const r = roundToNine(pcs.r + step <= 1 ? pcs.r + step : pcs.r - step)
    const honest = budgetOf(pcs.D_hat, pcs.coh_star, r)
    const budget = roundToNine(n % WRONG_BUDGET_EVERY === 0 ? (honest + 0.5) % 1 : honest)
    return this.#submissionOf({ ...pcs, r, budget })
  }

  #anyRecent(): Submission {
    const any = this.#recent[Math.floor(this.#random() * this.#recent.length)]
    if (!any) throw new Error('nothing was sent yet that could be repeated')
    return any
  }

  #submissionOf(pcs: Pcs): Submission {
    return {
      key: dedupKey(this.tenant, pcs.pcs_id).toString('hex'),
      content: contentHash(renderCanonical(pcs)).toString('hex'),
      pcs,
    }
  }
}
