/** The definitions of Canonical.v once more, in TypeScript, beside the code: Coq renders some hundred samples, this as many as are drawn. */
import { renderCanonical, type SignedFields } from '@fractal-lba/protocol/signing/renderings'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { partsOf } from './double.ts'
import { samples } from './samples.ts'

const BILLION = 1_000_000_000n
const SIGNED_NAMES = ['D_hat', 'budget', 'coh_star', 'epoch', 'merkle_root', 'pcs_id', 'r', 'shard_id'] as const

function halfEven(num: bigint, den: bigint): bigint {
  const [q, r] = [num / den, num % den]
  if (2n * r !== den) return 2n * r < den ? q : q + 1n
  return q % 2n === 0n ? q : q + 1n
}

function renderNine(x: number): string {
  const { minus, mantissa, exponent } = partsOf(x)
  const scaled = mantissa * BILLION
  const billionths = exponent >= 0 ? scaled << BigInt(exponent) : halfEven(scaled, 1n << BigInt(-exponent))
  return `${minus ? '-' : ''}${billionths / BILLION}.${(billionths % BILLION).toString().padStart(9, '0')}`
}

const quoted = (text: string) => `"${text.replaceAll(/["\\]/g, '\\$&')}"`

function canonical(fields: SignedFields): string {
  const members = SIGNED_NAMES.map((name) => {
    const value = fields[name]
    return `${quoted(name)}:${typeof value === 'string' ? quoted(value) : name === 'epoch' ? value : renderNine(value)}`
  })
  return `{${members.join(',')}}`
}

const real = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: -4_000_000_000, max: 4_000_000_000 }).map((n) => n / 1e9),
  fc.integer({ min: -4_000_000, max: 4_000_000 }).map((n) => (2 * n + 1) / 1024),
  fc.integer({ min: -2_000_000_000, max: 2_000_000_000 }).map((n) => (n + 0.5) / 1e9),
)
const text = fc.string({ unit: 'grapheme-ascii', maxLength: 40 })
const fields: fc.Arbitrary<SignedFields> = fc.record({
  D_hat: real,
  budget: real,
  coh_star: real,
  r: real,
  epoch: fc.maxSafeNat(),
  merkle_root: text,
  pcs_id: text,
  shard_id: text,
})

it('the code renders as the definitions say', () => {
  fc.assert(
    fc.property(fields, (drawn) => {
      expect(renderCanonical(drawn)).toBe(canonical(drawn))
    }),
    { numRuns: 5000 },
  )
})

it('so it does of the samples that Coq gets', () => {
  for (const sample of samples(300)) expect(renderCanonical(sample)).toBe(canonical(sample))
})

it('the order of the members is of no consequence', () => {
  fc.assert(
    fc.property(
      fields.chain((drawn) => fc.tuple(fc.constant(drawn), fc.shuffledSubarray(Object.entries(drawn), { minLength: 8 }))),
      ([drawn, members]) => {
        expect(renderCanonical(Object.fromEntries(members) as unknown as SignedFields)).toBe(renderCanonical(drawn))
      },
    ),
  )
})
