import fc from 'fast-check'
import { expect, it } from 'vitest'
import { partsOf } from './double.ts'

it.each([
  [0, { minus: false, mantissa: 0n, exponent: -1074 }],
  [-0, { minus: true, mantissa: 0n, exponent: -1074 }],
  [5e-324, { minus: false, mantissa: 1n, exponent: -1074 }],
  [1, { minus: false, mantissa: 1n << 52n, exponent: -52 }],
  [-0.5, { minus: true, mantissa: 1n << 52n, exponent: -53 }],
  [Number.MAX_VALUE, { minus: false, mantissa: (1n << 53n) - 1n, exponent: 971 }],
])('%d is taken apart exactly', (x, parts) => {
  expect(partsOf(x)).toEqual(parts)
})

it('the parts give the double back', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (x) => {
      const { minus, mantissa, exponent } = partsOf(x)
      // In two steps, as 2 ** exponent alone may be too small for a double.
      const magnitude = Number(mantissa) * 2 ** Math.max(exponent, -1000) * 2 ** Math.min(exponent + 1000, 0)
      expect(minus ? -magnitude : magnitude).toBe(x)
    }),
  )
})
