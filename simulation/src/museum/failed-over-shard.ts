/** A shard fails over to a replica that has not seen the end of a move, and believes that it owns the slot. */
import { instead } from '../mutants/mutant.ts'
import type { Variant } from '../world/variant.ts'
import { type Exhibit, mustHold } from './exhibit.ts'
import { storeOf } from './lost-reply.ts'
import { A, B, copySlot, DAY_MS, fence, keyOf, OTHER_SLOT, onStage, putOf, SLOT, switchSlot } from './stage.ts'

/** A pod that does not look at how many ownership changes a shard has made. */
const EPOCH_IGNORED: Variant = {
  name: 'epoch-ignored',
  podData: (ours) =>
    instead(ours, {
      put: async (puts, deadlineMs) => ({ ...(await ours.put(puts, deadlineMs)), epoch: Number.MAX_SAFE_INTEGER }),
    }),
}

export const FAILED_OVER_SHARD: Exhibit = {
  name: 'failed-over-shard',
  happened:
    'At the end of a slot’s move the source failed over, and its new primary claimed the slot back after keys had been deleted.',
  where: 'valkey-io/valkey#2724, #2723',
  ours: 'Changes of ownership wait for the replicas. Should a shard forget one all the same, pods see that it shows fewer changes than before, and write nothing to it until somebody has looked.',
  naive: EPOCH_IGNORED,
  play: (variant) =>
    onStage(
      variant,
      async (stage) => {
        const store = storeOf(stage)
        const expiresAtMs = stage.scheduler.now() + DAY_MS
        const operator = stage.process('operator')
        const [a, b] = [stage.control(A, operator), stage.control(B, operator)]
        const by = fence(1, 'm')
        await copySlot({ source: a, target: b, by, generation: 1 })
        const replica = { row: stage.server(A).rows.get(SLOT), epoch: stage.server(A).epoch }
        mustHold(replica.row !== undefined, 'the source knows nothing of the slot')
        await switchSlot({ source: a, target: b, by, generation: 1 })
        // The pod hears of the release by a put into a slot that stays.
        const other = { ...putOf(9, expiresAtMs), key: keyOf(9, OTHER_SLOT), slot: OTHER_SLOT }
        await store.putIfAbsent([other], stage.scheduler.now() + 1000)
        stage.server(A).epoch = replica.epoch
        stage.server(A).rows.set(SLOT, replica.row)
        const put = putOf(1, expiresAtMs)
        const [outcome] = await store.putIfAbsent([put], stage.scheduler.now() + 1000)
        mustHold(
          outcome?.kind === 'unavailable',
          `once: the pod took the word (${outcome?.kind}) of a shard that has forgotten its release; the new owner may decide the key as well`,
        )
      },
      { shardsChecked: false },
    ),
}
