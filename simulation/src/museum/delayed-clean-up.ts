/** A shard's copies are to be deleted, the slot moves back, and only then the message arrives. */
import { ShardRefused } from '@fractal-lba/shards/port'
import { variantOf } from '../mutants/all.ts'
import { type Exhibit, mustHold } from './exhibit.ts'
import { A, B, copySlot, DAY_MS, fence, onStage, putOf, SLOT, switchSlot } from './stage.ts'

export const DELAYED_CLEAN_UP: Exhibit = {
  name: 'delayed-clean-up',
  happened: 'A moved to B, A was marked for drop, B moved back to A, and a second clean-up dropped the live copy.',
  where: 'citusdata/citus#4909',
  ours: 'A clean-up carries the generation and the migration that it belongs to, and a shard deletes nothing of a slot that it owns.',
  naive: variantOf('clean-up-without-epoch'),
  play: (variant) =>
    onStage(variant, async (stage) => {
      const operator = stage.process('operator')
      const [a, b] = [stage.control(A, operator), stage.control(B, operator)]
      const pod = stage.process('pod')
      const expiresAtMs = stage.scheduler.now() + DAY_MS
      await stage.data(A, pod).put([putOf(1, expiresAtMs)], expiresAtMs)
      // There, cleaned up …
      const there = fence(1, 'there')
      await copySlot({ source: a, target: b, by: there, generation: 1 })
      await switchSlot({ source: a, target: b, by: there, generation: 1 })
      await b.stopCapture(there, [SLOT])
      await a.discard(there, [SLOT], 1000)
      // … and back, with a decision made in between.
      await stage.data(B, pod).put([putOf(2, expiresAtMs)], expiresAtMs)
      const back = fence(2, 'back')
      await copySlot({ source: b, target: a, by: back, generation: 2 })
      await switchSlot({ source: b, target: a, by: back, generation: 2 })
      // The first clean-up's message was repeated on its way, and is here now.
      await a.discard(there, [SLOT], 1000).catch((error: unknown) => {
        if (!(error instanceof ShardRefused)) throw error
      })
      const held = await stage.data(A, pod).get([putOf(1, expiresAtMs).key, putOf(2, expiresAtMs).key], expiresAtMs)
      mustHold(
        held.every((record) => record !== undefined),
        'lost: the owner no longer has what was decided',
      )
    }),
}
