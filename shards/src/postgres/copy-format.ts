/**
 * The framing of PostgreSQL's binary COPY, as far as a copier needs it: where its rows begin and what their keys are. The bytes themselves
 * go from one server to the other as they are (PostgreSQL manual, COPY, "Binary Format").
 */

/** Signature (11 bytes), flags (4) and length of the header extension (4). */
const HEADER_BYTES = 19
const TRAILER = -1

/** Calls `see` with the key (its first column) of each row. @returns how many rows there are. */
export function eachKey(copied: Buffer, see: (key: Buffer) => void): number {
  let rows = 0
  for (let at = HEADER_BYTES + copied.readInt32BE(HEADER_BYTES - 4); ; rows++) {
    const columns = copied.readInt16BE(at)
    if (columns === TRAILER) return rows
    at += 2
    for (let column = 0; column < columns; column++) {
      const bytes = copied.readInt32BE(at)
      at += 4
      if (column === 0) see(copied.subarray(at, at + bytes))
      at += bytes
    }
  }
}
