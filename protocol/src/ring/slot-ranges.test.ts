import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatSlots, parseSlots } from './slot-ranges.ts'
import { SLOT_COUNT } from './slots.ts'

describe('slot ranges', () => {
  it.each([
    [[], ''],
    [[5], '5'],
    [[0, 1, 2, 120], '0-2,120'],
    [[3, 1, 2, 2, 9], '1-3,9'],
    [Array.from({ length: SLOT_COUNT }, (_, slot) => slot), '0-16383'],
  ])('formats %j as ranges', (slots, text) => {
    expect(formatSlots(slots)).toBe(text)
  })

  it('parses with spaces, overlaps and any order', () => {
    expect(parseSlots(' 7-9 , 8-10,1')).toEqual([1, 7, 8, 9, 10])
    expect(parseSlots('')).toEqual([])
  })

  it('reads back every set that it wrote', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(SLOT_COUNT - 1), { maxLength: 400 }), (slots) => {
        expect(parseSlots(formatSlots(slots))).toEqual([...slots].sort((a, b) => a - b))
      }),
    )
  })

  it.each(['x', '1-', '-1', '1-2-3', '16384', '0-16384', '9-3', '1,,2', '1.5'])('refuses "%s" and quotes it', (text) => {
    expect(() => parseSlots(text)).toThrowError(/^"/)
  })
})
