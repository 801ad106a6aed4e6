/** A summary that an agent in the field made and signed (HMAC key `testsecret`), and the points that it summarised: for tests. */
import type { Pcs } from '../schema.ts'
import golden from './pcs_tiny_case_1.json' with { type: 'json' }

export const GOLDEN_HMAC_KEY = 'testsecret'

export const goldenPcs: Pcs = golden as Pcs

/** As agents send it: without spaces. */
export const goldenCompact: Buffer = Buffer.from(JSON.stringify(golden))

/** Fifteen points on a line. */
export const goldenPoints: readonly (readonly number[])[] = [
  [0.1, 0.2, 0.3],
  [0.15, 0.25, 0.35],
  [0.2, 0.3, 0.4],
  [0.25, 0.35, 0.45],
  [0.3, 0.4, 0.5],
  [0.35, 0.45, 0.55],
  [0.4, 0.5, 0.6],
  [0.45, 0.55, 0.65],
  [0.5, 0.6, 0.7],
  [0.55, 0.65, 0.75],
  [0.6, 0.7, 0.8],
  [0.65, 0.75, 0.85],
  [0.7, 0.8, 0.9],
  [0.75, 0.85, 0.95],
  [0.8, 0.9, 1.0],
]
