import { describe, expect, it } from 'vitest'
import { parseDurationMs } from './duration.ts'

describe('a duration', () => {
  it.each([
    ['30s', 30_000],
    ['1h30m', 5_400_000],
    ['1h0m0s', 3_600_000],
    ['1.5h', 5_400_000],
    ['250ms', 250],
    ['7d', 604_800_000],
    ['3650d', 315_360_000_000],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms)
  })

  it.each(['', '0s', '0d', '30', 's', '-1s', '1w', '1d12h', '1m1h', '1e3s', '3651d', '1h 30m', '1'.repeat(40)])(
    'is not %j',
    (text) => {
      expect(parseDurationMs(text)).toBeUndefined()
    },
  )
})
