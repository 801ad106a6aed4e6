import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { nineDecimals, pythonRepr, roundToNine, shortestJson } from './decimal.ts'

/** What Python writes for each double: the exact value to nine decimals, half to even, and `repr(round(x, 9))`. */
const PYTHON = `
import sys, struct
from decimal import Decimal, ROUND_HALF_EVEN, getcontext
getcontext().prec = 1200
for line in sys.stdin:
    x = struct.unpack('>d', bytes.fromhex(line.strip()))[0]
    print(format(Decimal(x).quantize(Decimal('1e-9'), rounding=ROUND_HALF_EVEN), 'f'), format(x, '.9f'), repr(round(x, 9)))
`

function askPython(values: readonly number[]): { exact: string; formatted: string; repr: string }[] {
  const bytes = Buffer.alloc(8)
  const input = values.map((x) => bytes.fill(0).writeDoubleBE(x) && bytes.toString('hex')).join('\n')
  const ran = spawnSync('python3', ['-c', PYTHON], { input, maxBuffer: 1 << 28, encoding: 'utf8' })
  expect(ran.stderr).toBe('')
  return ran.stdout
    .trim()
    .split('\n')
    .map((line) => {
      const [exact, formatted, repr] = line.split(' ') as [string, string, string]
      return { exact, formatted, repr }
    })
}

/** A small generator of its own, so that a failure names a seed that repeats it. */
function randomDoubles(seed: number, count: number): number[] {
  let state = seed >>> 0
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state
  }
  const bytes = Buffer.alloc(8)
  return Array.from({ length: count }, (_, i) => {
    const unit = next() / 2 ** 32 + next() / 2 ** 64
    switch (i % 8) {
      case 0: // any bits at all
        bytes.writeUInt32BE(next(), 0)
        bytes.writeUInt32BE(next(), 4)
        return Number.isFinite(bytes.readDoubleBE(0)) ? bytes.readDoubleBE(0) : 0
      case 1: // ties: odd multiples of 2^-10
        return ((next() % 4_000_000) * 2 + 1 - 4_000_000) / 1024
      case 2: // next to a half of the last digit
        return ((next() % 1_000_000_000) + 0.5) / 1e9
      case 3: // nine decimals, as agents send them
        return Math.round(unit * 4e9) / 1e9
      case 4: // small
        return (unit - 0.5) * 10 ** -(next() % 15)
      case 5: // large
        return (unit - 0.5) * 10 ** (next() % 25)
      case 6: // integers
        return (next() % 2001) - 1000
      default:
        return unit * 3
    }
  })
}

const EDGES = [
  0,
  -0,
  1,
  -1,
  1e-9,
  -1e-9,
  5e-10,
  -5e-10,
  1.5e-9,
  2.5e-9,
  4.9e-10,
  0.0000000005,
  1 / 1024,
  3 / 1024,
  -1 / 1024,
  5 / 1024,
  0.1,
  0.3,
  2.675,
  1e-4,
  9.9999e-5,
  1e15,
  1e16,
  123456789012345680,
  1e21,
  1e22,
  2 ** 53,
  2 ** 53 - 1,
  2 ** 52 + 0.5,
  1.7976931348623157e308,
  5e-324,
  -1e-12,
  0.9999999995,
  0.99999999949,
]

describe('decimals against Python', () => {
  const values = [...EDGES, ...randomDoubles(20261124, 40_000)]
  const python = askPython(values)
  const differing = (mine: (x: number) => string, theirs: (row: (typeof python)[number]) => string) =>
    values
      .flatMap((x, i) => (mine(x) === theirs(python[i]!) ? [] : [{ x, mine: mine(x), theirs: theirs(python[i]!) }]))
      .slice(0, 5)

  it('nine decimals are the exact value rounded half to even', () => {
    expect(differing(nineDecimals, (row) => row.formatted)).toEqual([])
    expect(python.filter((row) => row.exact !== row.formatted)).toEqual([])
  })

  it('repr(round(x, 9)) is the same text', () => {
    expect(
      differing(
        (x) => pythonRepr(roundToNine(x)),
        (row) => row.repr,
      ),
    ).toEqual([])
  })

  it('is needed: toFixed alone differs, at ties and at zeros', () => {
    const wrong = values.filter((x, i) => x.toFixed(9) !== python[i]!.formatted)
    expect(wrong.length).toBeGreaterThan(1000)
    expect(wrong.every((x) => Object.is(x, -0) || Math.abs(x) >= 1e21 || (Math.abs(x) * 1024) % 2 === 1)).toBe(true)
  })
})

describe('decimals, by example', () => {
  it.each([
    [1, '1.000000000', '1.0', '1'],
    [-0, '-0.000000000', '-0.0', '0'],
    [1e-9, '0.000000001', '1e-09', '1e-9'],
    [0.0000000005, '0.000000001', '1e-09', '1e-9'],
    [0.0009765625, '0.000976562', '0.000976562', '0.000976562'],
    [0.0029296875, '0.002929688', '0.002929688', '0.002929688'],
    [0.1 + 0.2, '0.300000000', '0.3', '0.3'],
    [1e-5, '0.000010000', '1e-05', '0.00001'],
    [1e22, '10000000000000000000000.000000000', '1e+22', '1e+22'],
  ])('%d', (x, nine, repr, shortest) => {
    expect([nineDecimals(x), pythonRepr(roundToNine(x)), shortestJson(roundToNine(x))]).toEqual([nine, repr, shortest])
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('refuses %d', (x) => {
    expect(() => nineDecimals(x)).toThrowError(RangeError)
  })
})
