/**
 * Cuts the flights table into overlapping windows and summarises them, one after the other, for an agent. One pass over the table is an
 * epoch; the next pass summarises the same windows in the next epoch, which makes other summaries of them.
 */
import { type Pcs, summarise, toUnitBox } from '@fractal-lba/client'
import type { Flights } from './dataset.ts'

/** Rows of a window: enough points for box counts at five scales, few enough that a summary takes about half a millisecond. */
export const WINDOW_ROWS = 64
/** Windows overlap, so that 200,000 rows give 25,000 of them. */
export const WINDOW_STRIDE = 8
/** Sampled for coh★; half of the default is close enough here and leaves the processor to the fleet. */
const DIRECTIONS = 32

export function* summariesOf(flights: Flights, share: { index: number; of: number }, now: () => Date): Generator<Pcs, never> {
  const count = Math.floor((flights.rows - WINDOW_ROWS) / WINDOW_STRIDE) + 1
  for (let epoch = 1; ; epoch++) {
    for (let index = share.index; index < count; index += share.of) {
      const from = index * WINDOW_STRIDE
      const points = Array.from({ length: WINDOW_ROWS }, (_, i) => [
        flights.delay[from + i] as number,
        flights.distance[from + i] as number,
        flights.time[from + i] as number,
      ])
      yield summarise({
        shardId: `flights/${from}`,
        epoch,
        points: toUnitBox(points),
        // The file's own bytes: whoever has the file can check the Merkle root.
        data: flights.bytesOf(from, from + WINDOW_ROWS),
        seed: from,
        directions: DIRECTIONS,
        sentAt: now(),
      })
    }
  }
}
