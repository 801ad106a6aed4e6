/**
 * The Merkle root of a stretch of bytes, as agents compute it: leaves are the SHA-256 of 64-byte chunks, a parent is the SHA-256 of its
 * children's *hex text* one after the other, an odd last node is paired with itself, and no bytes at all have the root of 64 zeros.
 */
import { hash } from 'node:crypto'

export const MERKLE_CHUNK_BYTES = 64

/** 64 hex digits. */
export function merkleRoot(data: Uint8Array): string {
  if (data.length === 0) return '0'.repeat(64)
  let level: string[] = []
  for (let at = 0; at < data.length; at += MERKLE_CHUNK_BYTES)
    level.push(hash('sha256', data.subarray(at, at + MERKLE_CHUNK_BYTES), 'hex'))
  while (level.length > 1) {
    const parents: string[] = []
    for (let i = 0; i < level.length; i += 2) parents.push(hash('sha256', `${level[i]}${level[i + 1] ?? level[i]}`, 'hex'))
    level = parents
  }
  return level[0] as string
}
