/**
 * Keys and slots: where a decision lives. A key is the SHA-256 of `tenant ‖ 0 ‖ pcs_id`, and its first 14 bits are its slot, so
 * a slot is one contiguous range of the key space and an ordered store needs no column for it (ARCHITECTURE.md, Slots).
 */
import { hash } from 'node:crypto'

/** Number of slots; fixed for ever, since a slot is part of where a record lives. */
export const SLOT_COUNT = 16384

/** Bytes of a dedup key. */
export const KEY_BYTES = 32

declare const slotBrand: unique symbol
/** An integer in [0, SLOT_COUNT). */
export type SlotId = number & { readonly [slotBrand]: true }

declare const generationBrand: unique symbol
/** Counts changes of a slot's owner; a hint with a higher generation is newer. Starts at 1. */
export type Generation = number & { readonly [generationBrand]: true }

/** The key of a decision: 32 bytes. */
export function dedupKey(tenant: string, pcsId: string): Buffer {
  // By way of hex because asking for a buffer takes three times as long: each request needs a key.
  return Buffer.from(hash('sha256', `${tenant}\0${pcsId}`, 'hex'), 'hex')
}

/** The slot of a key: its first 14 bits. */
export function slotOfKey(key: Uint8Array): SlotId {
  return (((key[0] as number) << 6) | ((key[1] as number) >> 2)) as SlotId
}

/** `value` as a slot. @throws RangeError when it is not an integer in [0, SLOT_COUNT). */
export function toSlotId(value: number): SlotId {
  if (!Number.isInteger(value) || value < 0 || value >= SLOT_COUNT)
    throw new RangeError(`slot ${value} is not in 0..${SLOT_COUNT - 1}`)
  return value as SlotId
}

/** The smallest key of a slot; `firstKeyOfSlot(slot + 1)` is the exclusive end of it. Undefined past the last slot. */
export function firstKeyOfSlot(slot: number): Buffer | undefined {
  if (slot >= SLOT_COUNT) return undefined
  const key = Buffer.alloc(KEY_BYTES)
  key.writeUInt16BE(slot << 2, 0)
  return key
}
