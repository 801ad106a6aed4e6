/** Decisions as the benchmarks store them: of the size and shape of real ones. */
import { hash } from 'node:crypto'
import { encodeRecord, type Origin } from '@fractal-lba/protocol/records/record'

export const FORTNIGHT_MS = 14 * 24 * 3600 * 1000

export function sampleRecord(n: number, origin: Origin, decidedAtMs: number): Buffer {
  return encodeRecord({
    verdict: 'accepted',
    reason: '',
    recomputedDHat: 1 + (n % 1000) / 1000,
    recomputedBudget: 0.4,
    contentHash: hash('sha256', `content ${n}`, 'buffer').subarray(0, 16),
    origin,
    decidedAtMs,
    expiresAtMs: decidedAtMs + FORTNIGHT_MS,
  })
}
