/**
 * From a window of a stream to its summary: computes the signals, the Merkle root, the id, and what the verifier will recompute. Reals
 * are rounded to the nine decimals that signatures count, so the numbers sent are the numbers signed.
 */
import { merkleRoot } from '@fractal-lba/protocol/merkle'
import { pcsIdOf } from '@fractal-lba/protocol/pcs/identity'
import { type Pcs, SCHEMA_NAME, SCHEMA_VERSION } from '@fractal-lba/protocol/pcs/schema'
import { budgetOf, regimeOf, theilSen } from '@fractal-lba/protocol/pcs/signals'
import { roundToNine } from '@fractal-lba/protocol/signing/decimal'
import { boxCounts } from './signals/box-counts.ts'
import { coherence, DEFAULT_DIRECTIONS } from './signals/coherence.ts'
import { compressibility } from './signals/compressibility.ts'

export interface Window {
  /** Names the stream; with the epoch and the data it makes the summary's id. */
  readonly shardId: string
  /** Which window of the stream. */
  readonly epoch: number
  /** At least one, all of as many axes; in about 0..1 (`toUnitBox` brings them there). */
  readonly points: readonly (readonly number[])[]
  /** The bytes that the points were read from. */
  readonly data: Uint8Array
  /** Each a multiple of the one before, so that counts cannot fall. */
  readonly scales?: readonly number[]
  /** Of the sampled directions. */
  readonly seed?: number
  readonly directions?: number
  readonly sentAt?: Date
}

export const DEFAULT_SCALES: readonly number[] = [2, 4, 8, 16, 32]

/** An unsigned summary. @throws RangeError for a window without points. */
export function summarise(window: Window): Pcs {
  if (window.points.length === 0) throw new RangeError('a window without points has no summary')
  const scales = window.scales ?? DEFAULT_SCALES
  const seed = window.seed ?? 0
  const counts = boxCounts(window.points, scales)
  const { cohStar, vStar } = coherence(window.points, seed, window.directions ?? DEFAULT_DIRECTIONS)
  const dHat = theilSen(scales, counts)
  const r = compressibility(window.data)
  const merkle_root = merkleRoot(window.data)
  return {
    pcs_id: pcsIdOf(merkle_root, window.epoch, window.shardId),
    schema: SCHEMA_NAME,
    version: SCHEMA_VERSION,
    shard_id: window.shardId,
    epoch: window.epoch,
    attempt: 1,
    ...(window.sentAt && { sent_at: window.sentAt.toISOString() }),
    seed,
    scales,
    N_j: Object.fromEntries(scales.map((scale, i) => [scale, counts[i] as number])),
    coh_star: roundToNine(cohStar),
    v_star: vStar,
    D_hat: roundToNine(dHat),
    r: roundToNine(r),
    regime: regimeOf(dHat, cohStar),
    budget: roundToNine(budgetOf(dHat, cohStar, r)),
    merkle_root,
  }
}
