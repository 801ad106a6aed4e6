/** Three Redis shards become four, beside three masters of a Redis cluster that become four: the same records, persistence and load. */
import { startRedis } from '@fractal-lba/servers/redis'
import { fillShards } from '../fill-shards.ts'
import type { Figure, Section } from '../measure.ts'
import { startPod } from '../pod.ts'
import { migrate, missingAt, type OurRun } from './our-migration.ts'
import { withCluster } from './redis-cluster.ts'
import { type Measured, measureWay, rateOf, type Scene, sideBySide, stepsOf, type Timed, type Way } from './side-by-side.ts'
import type { Workbench } from './workbench.ts'
import { keyOf } from './writers.ts'

const OWNERS = 3
const SHARDS = 4
/** Keys a MIGRATE: what redis-cli takes by itself, and more. */
const PIPELINES = [10, 100]
const FASTER = 5

export async function besideRedisCluster(bench: Workbench, keys: number, version: string): Promise<Section> {
  const ours = await measureWay(bench, ourWay(bench, keys))
  const throughPod = await measureWay(bench, throughPodWay(bench, keys))
  const slots = ours.idle?.slots ?? ours.loaded.result.slots
  const theirs: Measured<Timed>[] = []
  for (const pipeline of PIPELINES) theirs.push(await measureWay(bench, clusterWay(bench, keys, slots, pipeline)))
  const slowest = theirs[0] as Measured<Timed>
  const paced = await measureWay(bench, ourWay(bench, keys, Math.ceil(rateOf(slowest.loaded.result))))
  const size = keys.toLocaleString('en-US')
  return {
    title: `Resharding Redis ${version} from ${OWNERS} to ${SHARDS}, ${size} keys, ${slots} slots moved, beside redis-cli --cluster reshard`,
    figures: [...theirs.flatMap((other) => figuresOf(ours, other)), p95Beside(paced, slowest)],
    table: sideBySide([ours, throughPod, paced, ...theirs]),
  }
}

export const redisSteps = (bench: Workbench, keys: number): number =>
  stepsOf([
    ourWay(bench, keys),
    throughPodWay(bench, keys),
    ...PIPELINES.map((pipeline) => clusterWay(bench, keys, 0, pipeline)),
    ourWay(bench, keys, 1),
  ])

const OURS = {
  verified: 'twice, and certified',
  leaves: 'the new shard owns its slots, the old copies are deleted',
}

/** @param throttle keys a second that are copied at most; with it, it is measured under load only */
function ourWay(bench: Workbench, keys: number, throttle?: number): Way<OurRun> {
  const options = throttle === undefined ? [] : ['--throttle', `${throttle}`]
  return {
    ...OURS,
    name: ['redis: dedup-migrate run', ...options].join(' '),
    atRest: throttle === undefined,
    withScene: (use) =>
      withShards(bench, keys, (urls) =>
        use({
          writers: { kind: 'shards', urls, owners: OWNERS },
          firstKey: keys,
          run: () => migrate(bench, urls.slice(0, OWNERS), urls, { options }),
          missing: missingFrom(urls, 'shards'),
        }),
      ),
  }
}

function throughPodWay(bench: Workbench, keys: number): Way<OurRun> {
  return {
    ...OURS,
    name: 'redis: dedup-migrate run, signed summaries through a pod',
    atRest: false,
    withScene: (use) =>
      withShards(bench, keys, async (urls) => {
        const owners = urls.slice(0, OWNERS)
        const pod = await startPod('redis', owners, await bench.folder('pod'), (child) => bench.adopt(child))
        try {
          return await use({
            writers: { kind: 'pod', submitUrl: pod.submitUrl },
            firstKey: keys,
            run: () => migrate(bench, owners, urls, { pod }),
            missing: missingFrom(urls, 'pod'),
          })
        } finally {
          await pod.stop()
        }
      }),
  }
}

function clusterWay(bench: Workbench, keys: number, slots: number, pipeline: number): Way<Timed> {
  const option = pipeline === PIPELINES[0] ? '' : ` --cluster-pipeline ${pipeline}`
  return {
    name: `redis: redis-cli --cluster reshard${option}`,
    atRest: true,
    verified: 'no',
    leaves: 'the new master owns its slots, the old copies are deleted',
    withScene: (use) =>
      withCluster(bench, { masters: OWNERS, empty: SHARDS - OWNERS }, async (cluster) => {
        await cluster.fill(keys)
        return await use({
          writers: { kind: 'redis-cluster', urls: cluster.urls },
          firstKey: keys,
          run: () => cluster.reshard(slots, pipeline),
          missing: cluster.missing,
        })
      }),
  }
}

function withShards<T>(bench: Workbench, keys: number, use: (urls: string[]) => Promise<T>): Promise<T> {
  const start = (dataDir: string) => startRedis({ dataDir, ownSession: true })
  return bench.servers(SHARDS, start, async (servers) => {
    const urls = servers.map(({ url }) => url)
    await fillShards(urls.slice(0, OWNERS), keys)
    return await use(urls)
  })
}

function missingFrom(urls: readonly string[], kind: 'shards' | 'pod'): Scene<Timed>['missing'] {
  return (numbers) =>
    missingAt(
      urls,
      numbers.map((n) => keyOf(kind, n)),
    )
}

function figuresOf(ours: Measured<Timed>, theirs: Measured<Timed>): Figure[] {
  const rate = (when: string, our: Timed, their: Timed): Figure => ({
    name: `${when}: dedup-migrate against ${theirs.name}`,
    value: rateOf(our),
    unit: 'keys/s',
    ceiling: { name: 'theirs', value: rateOf(their) },
    wanted: { atLeast: FASTER },
  })
  return [
    ...(ours.idle && theirs.idle ? [rate('at rest', ours.idle, theirs.idle)] : []),
    rate('under load', ours.loaded.result, theirs.loaded.result),
    p95Beside(ours, theirs),
  ]
}

function p95Beside(ours: Measured<Timed>, theirs: Measured<Timed>): Figure {
  return {
    name: `p95 of writes meanwhile: ${ours.name.replace('redis: ', '')} against ${theirs.name}`,
    value: ours.loaded.p95Ms,
    unit: 'ms',
    ceiling: { name: 'theirs', value: theirs.loaded.p95Ms },
    wanted: { atMost: 1 },
  }
}
