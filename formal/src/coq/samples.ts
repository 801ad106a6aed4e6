/** Summaries to render with the code and with Canonical.v (pure): doubles of every kind, texts with all that is printable. */
import type { SignedFields } from '@fractal-lba/protocol/signing/renderings'

/** Zeros, the smallest and the largest, ties and what is next to them, where nothing is left behind the point, where exponents begin. */
const EDGES: readonly number[] = [
  ...[0, 5e-324, 2.2250738585072014e-308, 1e-10, 4.999999999999999e-10, 5e-10, 5.000000000000001e-10, 1e-9, 0.1 + 0.2, 1, 1.41],
  ...[1 / 1024, 3 / 1024, 5 / 1024, 1 + 1 / 1024, 2 ** 42 + 1 / 1024, 999_999_999.999_999_9, 2 ** 52 + 0.5, 2 ** 53 - 1, 2 ** 53],
  ...[2 ** 53 + 2, 1e21, 1e22, 123_456_789e13, 2 ** 1023, Number.MAX_VALUE],
].flatMap((x) => [x, -x])

const PRINTABLE = Array.from({ length: 0x7f - 0x20 }, (_, index) => String.fromCharCode(0x20 + index)).join('')
const TEXTS = ['', '"', '\\', '\\"', '"\\', 'stream-7', '","r":', `a"b\\c'd`, PRINTABLE]
const WHOLES = [0, 1, 9, 10, 99, 100, 2 ** 32, Number.MAX_SAFE_INTEGER]

/** The same for the same `count`. */
export function samples(count: number): SignedFields[] {
  const random = randomOf(0x9e3779b9)
  let edge = 0
  const real = () => (edge < EDGES.length ? (EDGES[edge++] as number) : randomDouble(random))
  const text = () => (random() < 0.5 ? pick(TEXTS, random) : randomText(random))
  return Array.from({ length: count }, () => ({
    D_hat: real(),
    budget: real(),
    coh_star: real(),
    r: real(),
    epoch: random() < 0.5 ? pick(WHOLES, random) : Math.floor(random() * 1e6),
    merkle_root: text(),
    pcs_id: text(),
    shard_id: text(),
  }))
}

function randomDouble(random: () => number): number {
  const sign = random() < 0.5 ? -1 : 1
  switch (Math.floor(random() * 5)) {
    // Nine decimals, as agents send them; next to the half of the last one; an exact tie; any size; any bits.
    case 0:
      return (sign * Math.round(random() * 4e9)) / 1e9
    case 1:
      return (sign * (Math.floor(random() * 1e9) + 0.5)) / 1e9
    case 2:
      return (sign * (2 * Math.floor(random() * 1e6) + 1)) / 1024
    case 3:
      return sign * random() * 10 ** Math.floor(random() * 40 - 20)
    default:
      return anyBits(random)
  }
}

function anyBits(random: () => number): number {
  const view = new DataView(new ArrayBuffer(8))
  for (;;) {
    view.setUint32(0, random() * 2 ** 32)
    view.setUint32(4, random() * 2 ** 32)
    const x = view.getFloat64(0)
    if (Number.isFinite(x)) return x
  }
}

function randomText(random: () => number): string {
  return Array.from({ length: Math.floor(random() * 12) }, () => pick([...PRINTABLE], random)).join('')
}

function pick<T>(of: readonly T[], random: () => number): T {
  return of[Math.floor(random() * of.length)] as T
}

/** Mulberry32: 32 bits a call, in [0, 1). */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
