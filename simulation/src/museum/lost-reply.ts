/** A put was carried out, its reply was lost, and the client repeats it. */
import { ShardedStore } from '@fractal-lba/backend/dedup/sharded/sharded-store'
import { RoutingTable } from '@fractal-lba/backend/routing/routing-table'
import { SLOT_COUNT } from '@fractal-lba/protocol/ring/slots'
import { variantOf } from '../mutants/all.ts'
import { type Exhibit, mustHold } from './exhibit.ts'
import { A, B, DAY_MS, onStage, putOf, type Stage } from './stage.ts'

export const LOST_REPLY: Exhibit = {
  name: 'lost-reply',
  happened: 'A client library repeated a SETNX whose reply was lost, and reported the only accepted copy as a duplicate.',
  where: 'redis/go-redis#2985, Shopify/ci-queue#327',
  ours: 'A record carries the place in the pod’s log that it was made for: finding one’s own record is a win.',
  naive: variantOf('own-write-is-a-duplicate'),
  play: (variant) =>
    onStage(
      variant,
      async (stage) => {
        const store = storeOf(stage)
        const put = putOf(1, stage.scheduler.now() + DAY_MS)
        const [outcome] = await store.putIfAbsent([put], stage.scheduler.now() + 5000)
        mustHold(outcome?.kind === 'won', `the first and only submission is told that it ${outcome?.kind}`)
        const [again] = await store.putIfAbsent([putOf(1, put.expiresAtMs, { offset: 900 })], stage.scheduler.now() + 5000)
        mustHold(again?.kind === 'lost', `a second submission is told that it ${again?.kind}`)
      },
      { faults: [{ at: `pod-0>${A}#1`, kind: 'lost-reply', ms: 0 }] },
    ),
}

/** A pod's store over both shards; it believes that the first one owns everything. */
export function storeOf(stage: Stage): ShardedStore {
  const process = stage.process('pod-0')
  const nothing = () => undefined
  return new ShardedStore(
    new RoutingTable([A, B], new Uint16Array(SLOT_COUNT)),
    [stage.data(A, process), stage.data(B, process)],
    {
      onReroutes: nothing,
      onRegressed: nothing,
      onReachable: nothing,
      onBroken: (error) => {
        throw error
      },
    },
    { nowMs: () => process.now(), after: (ms, run) => process.after(ms, run), soon: (run) => process.soon(run) },
  )
}
