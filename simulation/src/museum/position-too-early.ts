/** The log's end is looked up, then the writers are stopped: what they wrote in between is behind the end. */
import type { ShardControl } from '@fractal-lba/shards/port'
import { instead } from '../mutants/mutant.ts'
import type { Variant } from '../world/variant.ts'
import { type Exhibit, mustHold } from './exhibit.ts'
import { A, B, copySlot, DAY_MS, fence, onStage, putOf, switchSlot } from './stage.ts'

const POSITION_FIRST: Variant = {
  name: 'position-before-release',
  engineControl: (ours): ShardControl => {
    let done = false
    return instead(ours, {
      // All that is applied after the release is what was there before it.
      release: async (by, slots, to) => {
        await ours.release(by, slots, to)
        done = true
      },
      readCaptured: async (migration, slots, maxKeys) => (done ? undefined : ours.readCaptured(migration, slots, maxKeys)),
    })
  },
}

export const POSITION_TOO_EARLY: Exhibit = {
  name: 'position-too-early',
  happened:
    'Traffic was switched at a position that was read before the last writers had ended, and their writes were left behind.',
  where: 'vitessio/vitess#6951, #9481, #16563',
  ours: 'The source stops taking puts in the same atomic step in which it checks them; only then the rest of its log is applied, and only then the target acquires.',
  naive: POSITION_FIRST,
  play: (variant) =>
    onStage(variant, async (stage) => {
      const operator = stage.process('operator')
      const [a, b] = [stage.control(A, operator), stage.control(B, operator)]
      const pod = stage.process('pod')
      const expiresAtMs = stage.scheduler.now() + DAY_MS
      const by = fence(1, 'm')
      await copySlot({ source: a, target: b, by, generation: 1 })
      // The writer comes between the last look at the log and the release.
      await stage.data(A, pod).put([putOf(1, expiresAtMs)], expiresAtMs)
      await switchSlot({ source: a, target: b, by, generation: 1 })
      const [held] = await stage.data(B, pod).get([putOf(1, expiresAtMs).key], expiresAtMs)
      mustHold(held !== undefined, 'lost: the new owner lacks what was decided last')
      const late = await stage.data(A, pod).put([putOf(2, expiresAtMs)], expiresAtMs)
      mustHold(late.outcomes[0]?.kind === 'not-owner', 'I1: the old owner still decides')
    }),
}
