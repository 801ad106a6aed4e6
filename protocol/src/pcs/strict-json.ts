/**
 * The part of strict JSON that `JSON.parse` leaves out, for the path of every request. A summary has no duplicate key and no unknown field
 * exactly when the colons outside strings are as many as the members that the reader of the parsed value has accounted for: one
 * pass that counts is several times cheaper than one that remembers keys, and whoever finds the counts apart asks `explain-json.ts` why.
 */
import { isUtf8 } from 'node:buffer'

export interface LooseJson {
  readonly value: unknown
  /** Members of all objects in the text, duplicates included. */
  readonly members: number
}

/** @returns undefined for what is not UTF-8 or not JSON. */
export function parseCounting(body: Buffer): LooseJson | undefined {
  const length = body.length
  let members = 0
  let bits = 0
  let at = 0
  while (at < length) {
    let byte = body[at++] as number
    bits |= byte
    if (byte === 0x3a) members++
    else if (byte === 0x22) {
      while (at < length) {
        byte = body[at++] as number
        if (byte === 0x22) break
        bits |= byte
        if (byte === 0x5c) at++
      }
    }
  }
  const ascii = bits < 0x80
  if (!ascii && !isUtf8(body)) return undefined
  try {
    return { value: JSON.parse(body.toString(ascii ? 'latin1' : 'utf8')), members }
  } catch {
    return undefined
  }
}
