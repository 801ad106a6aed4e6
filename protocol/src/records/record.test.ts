import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  BadRecord,
  contentHashOf,
  type DecisionRecord,
  decodeRecord,
  encodeRecord,
  expiresAtOf,
  originOf,
  sameOrigin,
} from './record.ts'

const EXAMPLE: DecisionRecord = {
  verdict: 'escalated',
  reason: 'budget_mismatch',
  recomputedDHat: 1.5,
  recomputedBudget: 0.25,
  contentHash: Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex'),
  origin: { pod: 'verifier-0', segment: 7, offset: 4096 },
  decidedAtMs: 1_700_000_000_000,
  expiresAtMs: 1_701_209_600_000,
}

describe('the layout of version 1, byte by byte', () => {
  const EXAMPLE_HEX = [
    '01', // version
    '01', // verdict: escalated
    '03', // reason: budget_mismatch
    '0a', // the pod's name has ten bytes
    '018bcfe56800', // decided at 1,700,000,000,000 ms
    '018c17fe7000', // expires at 1,701,209,600,000 ms, 14 days later
    '3ff8000000000000', // recomputed D̂ 1.5
    '3fd0000000000000', // recomputed budget 0.25
    '000102030405060708090a0b0c0d0e0f', // content hash
    '00000007', // segment 7
    '00001000', // offset 4096
    '76657269666965722d30', // "verifier-0"
  ].join('')

  it('encodes the worked example to exactly these bytes', () => {
    expect(encodeRecord(EXAMPLE).toString('hex')).toBe(EXAMPLE_HEX)
  })

  it('decodes them to the same values', () => {
    expect(decodeRecord(Buffer.from(EXAMPLE_HEX, 'hex'))).toEqual(EXAMPLE)
  })

  it('stays within 80 bytes for the name of a pod of a deployment', () => {
    expect(
      encodeRecord({ ...EXAMPLE, origin: { ...EXAMPLE.origin, pod: 'verifier-6d8f7c9b4-x2k9q' } }).length,
    ).toBeLessThanOrEqual(80)
  })
})

describe('decoding', () => {
  const bytes = encodeRecord(EXAMPLE)
  const patched = (index: number, value: number) => {
    const copy = Buffer.from(bytes)
    copy[index] = value
    return copy
  }
  it.each([
    ['nothing', Buffer.alloc(0), 'version'],
    ['another version', patched(0, 2), 'version'],
    ['an unknown verdict', patched(1, 9), 'verdict'],
    ['an unknown reason', patched(2, 200), 'reason'],
    ['a reason on an accepted record', patched(1, 0), 'reason'],
    ['a wrong name length', patched(3, 11), 'length'],
    ['a torn record', bytes.subarray(0, 40), 'length'],
    ['one byte too many', Buffer.concat([bytes, Buffer.from([0])]), 'length'],
    [
      'a D̂ that is no number',
      Buffer.concat([bytes.subarray(0, 16), Buffer.from('7ff8000000000000', 'hex'), bytes.subarray(24)]),
      'recomputedDHat',
    ],
    [
      'a budget above one',
      Buffer.concat([bytes.subarray(0, 24), Buffer.from('4000000000000000', 'hex'), bytes.subarray(32)]),
      'recomputedBudget',
    ],
  ])('refuses %s and names the field', (_name, bad, field) => {
    expect(() => decodeRecord(bad)).toThrowError(BadRecord)
    expect(() => decodeRecord(bad)).toThrowError(new RegExp(`bad decision record: ${field} `))
  })

  it('gives back what was encoded, for any values', () => {
    const record = fc.record({
      verdict: fc.constant('disputed' as const),
      reason: fc.constantFrom('d_hat_mismatch' as const, 'regime_mismatch' as const),
      recomputedDHat: fc.double({ noNaN: true, noDefaultInfinity: true }),
      recomputedBudget: fc.double({ min: 0, max: 1, noNaN: true }),
      contentHash: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes)),
      origin: fc.record({
        pod: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 10 }),
        segment: fc.nat(2 ** 31),
        offset: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      }),
      decidedAtMs: fc.maxSafeNat().map((n) => n % 2 ** 48),
      expiresAtMs: fc.maxSafeNat().map((n) => n % 2 ** 48),
    })
    fc.assert(
      fc.property(record, (value) => {
        const encoded = encodeRecord(value)
        expect(decodeRecord(encoded)).toEqual(value)
        expect(originOf(encoded)).toEqual(value.origin)
        expect(expiresAtOf(encoded)).toBe(value.expiresAtMs)
        expect(contentHashOf(encoded)).toEqual(value.contentHash)
      }),
    )
  })
})

describe('encoding', () => {
  it.each([
    ['a nameless pod', { origin: { pod: '', segment: 0, offset: 0 } }],
    ['an offset past four gigabytes', { origin: { pod: 'p', segment: 0, offset: 2 ** 32 } }],
    ['a fractional time', { decidedAtMs: 1.5 }],
    ['a short content hash', { contentHash: Buffer.alloc(15) }],
  ])('refuses %s, which the layout cannot hold', (_name, change) => {
    expect(() => encodeRecord({ ...EXAMPLE, ...change })).toThrowError(RangeError)
  })
})

describe('sameOrigin', () => {
  const own = encodeRecord(EXAMPLE)
  it('recognises the same WAL entry even where another value was recomputed', () => {
    expect(sameOrigin(own, encodeRecord({ ...EXAMPLE, recomputedDHat: 1.25, decidedAtMs: 5 }))).toBe(true)
  })
  it.each([
    ['pod', { ...EXAMPLE.origin, pod: 'verifier-1' }],
    ['longer pod', { ...EXAMPLE.origin, pod: 'verifier-01' }],
    ['segment', { ...EXAMPLE.origin, segment: 8 }],
    ['offset', { ...EXAMPLE.origin, offset: 4097 }],
  ])('tells another %s apart', (_name, origin) => {
    expect(sameOrigin(own, encodeRecord({ ...EXAMPLE, origin }))).toBe(false)
  })
})
