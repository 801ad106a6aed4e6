/** A double as Canonical.v has it: a sign, and a mantissa times a power of two (pure). */

export interface Parts {
  readonly minus: boolean
  readonly mantissa: bigint
  readonly exponent: number
}

const MANTISSA_BITS = 52
const HIDDEN_BIT = 1n << BigInt(MANTISSA_BITS)
/** Of the smallest double. */
const LEAST_EXPONENT = -1074

/** Of a finite one: the exact value is `mantissa * 2 ** exponent`. */
export function partsOf(x: number): Parts {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, x)
  const bits = view.getBigUint64(0)
  const biased = Number((bits >> BigInt(MANTISSA_BITS)) & 0x7ffn)
  const fraction = bits & (HIDDEN_BIT - 1n)
  const minus = bits >> 63n === 1n
  if (biased === 0) return { minus, mantissa: fraction, exponent: LEAST_EXPONENT }
  return { minus, mantissa: fraction | HIDDEN_BIT, exponent: LEAST_EXPONENT + biased - 1 }
}
