/**
 * The texts that a signature may be over. `canonical` is what this project signs and what identifies a summary's content; the
 * others are how agents in the field render the same eight values, in the order in which a verifier tries them. All four bind the
 * same values: reals count to nine decimals.
 */
import { hash } from 'node:crypto'
import type { Pcs } from '../pcs/schema.ts'
import { nineDecimals, pythonRepr, roundToNine, shortestJson } from './decimal.ts'

/** The signed subset of a summary. */
export type SignedFields = Pick<Pcs, 'pcs_id' | 'merkle_root' | 'epoch' | 'shard_id' | 'D_hat' | 'coh_star' | 'r' | 'budget'>

/**
 * `canonical`: keys sorted by byte, reals with nine decimals. `python`: sorted, reals as `repr(round(x, 9))`. `shortest`: sorted, reals as the
 * shortest JSON number. `caseless`: the same numbers, keys in the order that ignores case.
 */
export const RENDERINGS = ['canonical', 'python', 'shortest', 'caseless'] as const
export type Rendering = (typeof RENDERINGS)[number]

/** The canonical text: `{"D_hat":1.410000000,"budget":...}`. */
export function renderCanonical(fields: SignedFields): string {
  return sorted(fields, nineDecimals)
}

/** The texts of one summary, each made when first asked for: nearly every summary needs one of them, twice. */
export class SignedTexts {
  readonly #fields: SignedFields
  readonly #texts: (string | undefined)[] = [undefined, undefined, undefined, undefined]

  constructor(fields: SignedFields) {
    this.#fields = fields
  }

  /** `index` into RENDERINGS. */
  at(index: number): string {
    const known = this.#texts[index]
    if (known !== undefined) return known
    const text = render(RENDERINGS[index] as Rendering, this.#fields)
    this.#texts[index] = text
    return text
  }

  get canonical(): string {
    return this.at(0)
  }
}

/** Any of the four texts. */
export function render(rendering: Rendering, fields: SignedFields): string {
  switch (rendering) {
    case 'canonical':
      return renderCanonical(fields)
    case 'python':
      return sorted(fields, (x) => pythonRepr(roundToNine(x)))
    case 'shortest':
      return sorted(fields, shortestOfNine)
    case 'caseless':
      return caseless(fields, shortestOfNine)
  }
}

/**
 * Sixteen bytes that two submissions share exactly when they bind the same values: what tells a replay from an equivocation.
 * Of the canonical text, so it does not matter how the agent rendered what it signed.
 */
export function contentHash(canonical: string): Buffer {
  // Asking for a hex string and reading half of it takes half the time of asking for a buffer.
  return Buffer.from(hash('sha256', canonical, 'hex').slice(0, 32), 'hex')
}

function sorted(fields: SignedFields, real: (x: number) => string): string {
  return `{"D_hat":${real(fields.D_hat)},"budget":${real(fields.budget)},"coh_star":${real(fields.coh_star)},"epoch":${fields.epoch},"merkle_root":${quoted(fields.merkle_root)},"pcs_id":${quoted(fields.pcs_id)},"r":${real(fields.r)},"shard_id":${quoted(fields.shard_id)}}`
}

function caseless(fields: SignedFields, real: (x: number) => string): string {
  return `{"budget":${real(fields.budget)},"coh_star":${real(fields.coh_star)},"D_hat":${real(fields.D_hat)},"epoch":${fields.epoch},"merkle_root":${quoted(fields.merkle_root)},"pcs_id":${quoted(fields.pcs_id)},"r":${real(fields.r)},"shard_id":${quoted(fields.shard_id)}}`
}

function shortestOfNine(x: number): string {
  return shortestJson(roundToNine(x))
}

function quoted(text: string): string {
  return JSON.stringify(text)
}
