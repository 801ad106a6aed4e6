/** r: compressed size by size. Near 0 for repetitive data, 1 for data that does not compress. */
import { deflateSync } from 'node:zlib'

/** zlib at its default level, as agents in the field use it; at most 1, since zlib makes tiny data longer. No data has r = 1. */
export function compressibility(data: Uint8Array): number {
  if (data.length === 0) return 1
  return Math.min(1, deflateSync(data).length / data.length)
}
