/** A record expires, the key is decided anew, and then a copy of the old record arrives. */
import { variantOf } from '../mutants/all.ts'
import { type Exhibit, mustHold } from './exhibit.ts'
import { A, B, copySlot, DAY_MS, fence, followSlot, onStage, putOf, SLOT } from './stage.ts'

export const RESURRECTED_RECORD: Exhibit = {
  name: 'resurrected-record',
  happened: 'The target had forgotten that a row was deleted, and a replicated write from before brought the row back.',
  where: 'cockroachdb/cockroach#173238',
  ours: 'Records carry when they expire, not how long they live, and of two records of one key the one that expires later stays.',
  naive: variantOf('copy-overwrites'),
  play: (variant) =>
    onStage(variant, async (stage) => {
      const operator = stage.process('operator')
      const [a, b] = [stage.control(A, operator), stage.control(B, operator)]
      const pod = stage.process('pod')
      const startMs = stage.scheduler.now()
      const by = fence(1, 'm')
      await copySlot({ source: a, target: b, by, generation: 1 })
      await stage.data(A, pod).put([putOf(1, startMs + 1000, { content: 1 })], startMs + DAY_MS)
      const late = await a.readCaptured(by.migration, [SLOT], 1000)
      mustHold(late !== undefined, 'the put was not captured')
      await stage.scheduler.sleep(2000)
      const anew = putOf(1, startMs + DAY_MS, { content: 2, offset: 500 })
      await stage.data(A, pod).put([anew], startMs + DAY_MS)
      await followSlot({ source: a, target: b, by })
      // What was read first was under way all that time.
      await b.apply(by, late.batch)
      const [held] = await stage.data(B, pod).get([anew.key], startMs + DAY_MS)
      mustHold(
        held?.equals(anew.record) === true,
        'changed: the target holds the record that had expired, and would decide the key once more',
      )
    }),
}
