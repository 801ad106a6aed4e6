/**
 * Sets of slots as people write and read them: `0-99,120`. Used in status, plans and command lines. Formatting is canonical: ascending,
 * merged, so equal sets have equal text.
 */
import { SLOT_COUNT, type SlotId } from './slots.ts'

/** The text of a set of slots, in any order, repeats allowed. The empty set is the empty text. */
export function formatSlots(slots: Iterable<number>): string {
  const sorted = Uint16Array.from(slots).sort()
  const ranges: string[] = []
  for (let start = 0; start < sorted.length; ) {
    const first = sorted[start] as number
    let last = first
    let next = start + 1
    while (next < sorted.length && (sorted[next] as number) <= last + 1) last = sorted[next++] as number
    ranges.push(first === last ? `${first}` : `${first}-${last}`)
    start = next
  }
  return ranges.join(',')
}

/** The slots of a text, ascending, each once. @throws RangeError that quotes the part that is wrong. */
export function parseSlots(text: string): SlotId[] {
  const member = new Uint8Array(SLOT_COUNT)
  const parts = text.trim() === '' ? [] : text.split(',')
  for (const part of parts) {
    const match = /^\s*(\d{1,5})(?:-(\d{1,5}))?\s*$/.exec(part)
    if (!match) throw new RangeError(`"${part.slice(0, 40)}" is not a slot or a range of slots such as 0-99`)
    const first = Number(match[1])
    const last = match[2] === undefined ? first : Number(match[2])
    if (last >= SLOT_COUNT || first >= SLOT_COUNT) throw new RangeError(`"${part.trim()}" leaves the slots 0..${SLOT_COUNT - 1}`)
    if (last < first) throw new RangeError(`"${part.trim()}" ends before it starts`)
    member.fill(1, first, last + 1)
  }
  const slots: SlotId[] = []
  for (let slot = 0; slot < SLOT_COUNT; slot++) if (member[slot]) slots.push(slot as SlotId)
  return slots
}
