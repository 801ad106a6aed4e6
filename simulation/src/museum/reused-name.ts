/** A name is created although it is not there any more: its absence proves nothing once somebody deletes names. */
import type { ShardedStore } from '@fractal-lba/backend/dedup/sharded/sharded-store'
import { openWal } from '@fractal-lba/backend/wal/open'
import type { WalPosition } from '@fractal-lba/backend/wal/port'
import { SimulatedDisk } from '../world/disk.ts'
import { OURS } from '../world/variant.ts'
import { type Exhibit, mustHold } from './exhibit.ts'
import { storeOf } from './lost-reply.ts'
import { DAY_MS, onStage, putOf, type Stage } from './stage.ts'

/** A clock without a battery: it begins anew with each start, and so do the numbers of segments. */
const NUMBERED_FROM_ONE = { name: 'segments-numbered-from-one' }

export const REUSED_NAME: Exhibit = {
  name: 'reused-name',
  happened:
    'A writer that was stalled created an object again whose name the garbage collector had deleted, and took that for proof that it was first.',
  where: 'slatedb/slatedb#352, #1622',
  ours: 'Places in a log are identities in the stores. A new log begins at a number made from the time, and retention keeps the last segment, so no place is used twice.',
  naive: NUMBERED_FROM_ONE,
  play: (variant) =>
    onStage(OURS, async (stage) => {
      const store = storeOf(stage)
      const first = await append(stage, variant.name === NUMBERED_FROM_ONE.name)
      const expiresAtMs = stage.scheduler.now() + DAY_MS
      await decide(store, stage, { ...first, content: 1 }, expiresAtMs)
      // The disk is replaced. The first submission of the new one is another one about the same key.
      await stage.scheduler.sleep(60_000)
      const second = await append(stage, variant.name === NUMBERED_FROM_ONE.name)
      const outcome = await decide(store, stage, { ...second, content: 2 }, expiresAtMs)
      mustHold(outcome === 'lost', `once: the second submission is told that it ${outcome}, with other content than was decided`)
    }),
}

async function decide(
  store: ShardedStore,
  stage: Stage,
  from: WalPosition & { content: number },
  expiresAtMs: number,
): Promise<string | undefined> {
  const [outcome] = await store.putIfAbsent([putOf(1, expiresAtMs, from)], stage.scheduler.now() + 5000)
  return outcome?.kind
}

/** Appends one entry to the log of a new disk. @returns where it stands */
async function append(stage: Stage, numberedFromOne: boolean): Promise<WalPosition> {
  const process = stage.process('pod-0')
  const disk = new SimulatedDisk({ faultOf: () => undefined, onCrash: () => undefined, random: () => 0.5 })
  return new Promise((resolve, reject) => {
    openWal<undefined>({
      dir: '/wal',
      pod: 'pod-0',
      segmentBytes: 4096,
      files: disk.files(process),
      clock: {
        nowMs: () => (numberedFromOne ? 0 : process.now()),
        after: (ms, run) => process.after(ms, run),
        soon: (run) => process.soon(run),
      },
      onDurable: ([entry]) => (entry ? resolve(entry.position) : undefined),
      onRefused: () => reject(new Error('the log takes nothing')),
      onFailed: reject,
    }).then(({ wal }) => {
      wal.append({ tenant: 'default', body: Buffer.from('{}'), receivedAtMs: process.now(), context: undefined })
    }, reject)
  })
}
