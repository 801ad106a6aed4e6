/**
 * The framing of PostgreSQL's binary COPY, as far as a copier needs it: where its rows begin and what their keys are. The bytes themselves
 * go from one server to the other as they are (PostgreSQL manual, COPY, "Binary Format").
 */

/** Signature (11 bytes), flags (4) and length of the header extension (4). */
const HEADER_BYTES = 19
const TRAILER = -1
const TRAILER_BYTES = 2

/** Calls `see` with the key (its first column) of each row, and where the row begins. @returns how many rows there are. */
export function eachKey(copied: Buffer, see: (key: Buffer, start: number) => void): number {
  let rows = 0
  for (let at = firstRow(copied); ; rows++) {
    const start = at
    const columns = copied.readInt16BE(at)
    if (columns === TRAILER) return rows
    at += 2
    for (let column = 0; column < columns; column++) {
      const bytes = copied.readInt32BE(at)
      at += 4
      if (column === 0) see(copied.subarray(at, at + bytes), start)
      at += bytes
    }
  }
}

export interface Rows {
  /** A whole copy: header, rows, trailer. */
  readonly payload: Buffer
  readonly count: number
}

/** The rows whose keys are chosen, in their order, and the others. */
export function splitRows(copied: Buffer, isChosen: (key: Buffer) => boolean): { chosen: Rows; others: Rows } {
  const pieces: Record<'chosen' | 'others', Buffer[]> = { chosen: [], others: [] }
  const counts = { chosen: 0, others: 0 }
  const end = copied.length - TRAILER_BYTES
  let side: 'chosen' | 'others' | undefined
  let since = firstRow(copied)
  eachKey(copied, (key, start) => {
    const now = isChosen(key) ? 'chosen' : 'others'
    counts[now]++
    if (now === side) return
    // Rows of one side that follow each other are one piece.
    if (side) pieces[side].push(copied.subarray(since, start))
    side = now
    since = start
  })
  if (side) pieces[side].push(copied.subarray(since, end))
  const rows = (of: 'chosen' | 'others'): Rows => ({
    payload: Buffer.concat([copied.subarray(0, firstRow(copied)), ...pieces[of], copied.subarray(end)]),
    count: counts[of],
  })
  return { chosen: rows('chosen'), others: rows('others') }
}

const firstRow = (copied: Buffer): number => HEADER_BYTES + copied.readInt32BE(HEADER_BYTES - 4)
