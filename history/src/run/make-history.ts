/** Makes a history: a fleet, load, faults and migrations; then peace, until nothing is owed; then what shards and logs say. */
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { gather } from '@fractal-lba/demo/audit/audit'
import type { Evidence } from '@fractal-lba/demo/audit/evidence'
import type { Nursery } from '@fractal-lba/demo/processes/nursery'
import type { Events } from '@fractal-lba/demo/view/events'
import { Infliction } from '../faults/inflict.ts'
import type { FaultKind } from '../faults/schedule.ts'
import { type Fleet, type PartialFleet, SHARDS, startFleet } from '../fleet/fleet.ts'
import { Load, type LoadSum } from '../fleet/load.ts'
import { type MigrationCounts, Migrations } from '../fleet/migrations.ts'
import { untilSettled } from '../fleet/settle.ts'
import { writeHistory } from '../format/write-history.ts'
import type { RunOptions } from '../options.ts'
import type { ProgressView } from '../view/progress.ts'
import { type RepairSum, Repairs } from './repairs.ts'

export interface MadeHistory {
  readonly file: string
  readonly evidence: Evidence
  readonly load: LoadSum
  readonly faults: ReadonlyMap<FaultKind, number>
  /** Undefined where none were made. */
  readonly migrations: MigrationCounts | undefined
  /** Of shards that may lose what they acknowledged; undefined for those that may not. */
  readonly repaired: RepairSum | undefined
  readonly loadSeconds: number
}

export interface MakeHistoryParts {
  readonly options: RunOptions
  readonly faultKinds: readonly FaultKind[]
  readonly dir: string
  readonly toxiproxy: string
  readonly nursery: Nursery
  readonly events: Events
  readonly progress: ProgressView
  readonly fleet: PartialFleet
  /** Ends the load early, in an orderly way. */
  readonly interrupted: () => boolean
}

const LOOK_EVERY_MS = 200
/** Of the load, while the last migration comes to its end. */
const CALM_SHARE = 0.3
const SETTLE_PATIENCE_MS = 60_000

export async function makeHistory(parts: MakeHistoryParts): Promise<MadeHistory> {
  const { options, dir, nursery, events, progress } = parts
  const journalDir = join(dir, 'journals')
  // As root, PostgreSQL runs as another user, who must get through to its data.
  await chmod(dir, 0o711)
  for (const sub of [journalDir, join(dir, 'logs')]) await mkdir(sub, { recursive: true })
  const { backend, appendFsync, seed } = options
  // A shard that may forget may forget what it owns, which no log can give back: then slots stay where they are.
  const forgetful = appendFsync === 'everysec'
  const { toxiproxy } = parts
  const fleet = await startFleet(
    { backend, appendFsync, owners: forgetful ? SHARDS : 1, dir, toxiproxy },
    nursery,
    events,
    parts.fleet,
  )
  const { shards, operator, tenant, hmacKey } = fleet
  const pods = fleet.pods.map(({ name }, i) => ({ name, url: fleet.podUrls[i] as string }))
  const zeroUs = Number(process.hrtime.bigint() / 1000n)
  const load = new Load({ seed, tenant, hmacKey, pods, zeroUs, ratePerSecond: options.rate, journalDir }, nursery)
  const migrations = forgetful ? undefined : new Migrations({ seed, backend, shards, operator, events })
  const repairs = forgetful ? new Repairs(shards, fleet.pods, events) : undefined
  const infliction = new Infliction(
    { seed, kinds: parts.faultKinds, gapMs: options.gapMs },
    { ...fleet, nursery, events, onShardBack: async ({ name }) => repairs?.make(`${name} was started again`) },
  )
  const began = performance.now()
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
    const faults = [...infliction.counts.values()].reduce((sum, count) => sum + count, 0)
    progress.show({
      ...load.sum,
      faults,
      migrations: migrations ? migrations.counts.completed + migrations.counts.rolledBack : 0,
    })
    if (load.problem) events.bad(load.problem)
    const enough = load.sum.operations >= options.operations && performance.now() - began >= options.seconds * 1000
    if (parts.interrupted() || load.problem || enough) break
  }
  events.info('no more faults: what was struck is made whole, and the migration under way comes to its end')
  await infliction.stop()
  await makeWhole(fleet)
  // Its gates need traffic to look at, and it needs time.
  load.pace(options.rate * CALM_SHARE)
  await migrations?.stop()
  const loadSeconds = (performance.now() - began) / 1000
  await load.stop()
  await untilSettled(fleet.pods, fleet.adminToken, SETTLE_PATIENCE_MS)
  await repairs?.make('there is peace')
  if (repairs && repairs.sum.repairedDecisions + repairs.sum.keysDecidedAgain.size === 0)
    events.bad('no power cut lost anything that was acknowledged, so nothing about repairs was shown: give it more time')
  await fleet.operator.stop()
  for (const pod of fleet.pods) {
    const end = await pod.stop()
    if (end && end.code !== 0) events.bad(`${pod.name} did not drain and end with 0 but with ${end.signal ?? end.code}`)
  }
  events.info('reading shards and logs')
  const evidence = await gather({
    journals: journalDir,
    shards: shards.map(({ url }) => url),
    wals: fleet.pods.map(({ walDir }) => walDir),
  })
  const file = join(dir, 'history.ndjson')
  const what = `${backend}${backend === 'redis' ? `, appendfsync ${appendFsync}` : ''}, ${Math.round(loadSeconds)} s of load`
  await writeHistory(file, { seed, what }, journalDir, evidence)
  return {
    file,
    evidence,
    load: load.sum,
    faults: infliction.counts,
    migrations: migrations?.counts,
    repaired: repairs?.sum,
    loadSeconds,
  }
}

/** Whatever a fault that went wrong has left behind. */
async function makeWhole({ pods, shards, toxiproxy }: Fleet): Promise<void> {
  for (const { name } of [...pods, ...shards]) await toxiproxy.heal(name)
  for (const shard of shards) await shard.start()
  for (const pod of pods) await pod.start()
}

export async function stopFleet(fleet: PartialFleet): Promise<void> {
  await fleet.operator?.stop()
  await Promise.all((fleet.pods ?? []).map((pod) => pod.stop()))
  await Promise.all((fleet.shards ?? []).map((shard) => shard.stop()))
  await fleet.toxiproxy?.stop()
}
