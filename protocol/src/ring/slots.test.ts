import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dedupKey, firstKeyOfSlot, KEY_BYTES, SLOT_COUNT, slotOfKey, toSlotId } from './slots.ts'

describe('keys and slots', () => {
  it('hashes tenant, a zero byte and the id', () => {
    expect(dedupKey('t', 'id')).toEqual(
      createHash('sha256')
        .update('t')
        .update(Buffer.from([0]))
        .update('id')
        .digest(),
    )
  })

  it('reads the slot from the first 14 bits', () => {
    expect(slotOfKey(Buffer.from('fffc', 'hex'))).toBe(16383)
    expect(slotOfKey(Buffer.from('0003', 'hex'))).toBe(0)
    expect(slotOfKey(Buffer.from('0004', 'hex'))).toBe(1)
  })

  it('makes each slot a contiguous range of keys', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: KEY_BYTES, maxLength: KEY_BYTES }), (bytes) => {
        const slot = slotOfKey(bytes)
        expect(Buffer.compare(firstKeyOfSlot(slot)!, bytes)).toBeLessThanOrEqual(0)
        const end = firstKeyOfSlot(slot + 1)
        if (end) expect(Buffer.compare(bytes, end)).toBeLessThan(0)
        else expect(slot).toBe(SLOT_COUNT - 1)
      }),
    )
  })

  it.each([-1, SLOT_COUNT, 1.5, Number.NaN])('refuses %d as a slot', (value) => {
    expect(() => toSlotId(value)).toThrowError(RangeError)
  })
})
