/**
 * How fast `dedup-migrate copy` moves all slots of one shard to another, unthrottled, against what the same two servers do at
 * best, and whether its memory depends on how much it moves.
 */
import { rm } from 'node:fs/promises'
import { startPostgres } from '@fractal-lba/servers/postgres'
import { startRedis } from '@fractal-lba/servers/redis'
import type { RunningServer } from '@fractal-lba/servers/running-server'
import { bareCopyRate, redisSetRate } from './copy-ceilings.ts'
import { runDedupMigrate } from './dedup-migrate.ts'
import { fillShards } from './fill-shards.ts'
import type { Figure, Section } from './measure.ts'

const UNTHROTTLED = '1000000000'

interface CopyRun {
  readonly keysPerSecond: number
  readonly peakMiB: number
}

async function copyAll(source: string, target: string, keys: number): Promise<CopyRun> {
  const args = ['copy', '--from', source, '--to', target, '--throttle', UNTHROTTLED, '--pods-know-targets']
  const { seconds, peakMiB } = await runDedupMigrate(args)
  return { keysPerSecond: keys / seconds, peakMiB }
}

/** `run` with two fresh servers, which are gone afterwards. */
async function withPair<T>(
  start: () => Promise<RunningServer>,
  run: (source: RunningServer, target: RunningServer) => Promise<T>,
): Promise<T> {
  const pair = await Promise.all([start(), start()])
  try {
    return await run(...pair)
  } finally {
    await Promise.all(pair.map((server) => server.stop()))
    await Promise.all(pair.map((server) => rm(server.dataDir, { recursive: true, force: true })))
  }
}

export async function benchCopy(sizes: readonly number[], say: (line: string) => void): Promise<Section> {
  const figures: Figure[] = []
  const compare = async (store: string, start: () => Promise<RunningServer>, atLeast: number, ceilingOf: Ceiling) => {
    const runs: CopyRun[] = []
    for (const keys of sizes) {
      await withPair(start, async (source, target) => {
        say(`${store}: filling a shard with ${keys} keys ...`)
        await fillShards([source.url], keys)
        const isLargest = keys === sizes.at(-1)
        const ceiling = isLargest ? await ceilingOf(source, target, keys) : undefined
        const run = await copyAll(source.url, target.url, keys)
        say(`${store}: ${keys} keys at ${Math.round(run.keysPerSecond)} keys/s, ${Math.round(run.peakMiB)} MiB`)
        runs.push(run)
        if (ceiling) {
          const note = `${keys.toLocaleString('en-US')} keys, start of the command included`
          figures.push({
            name: `${store} → ${store}`,
            value: run.keysPerSecond,
            unit: 'keys/s',
            ceiling,
            wanted: { atLeast },
            note,
          })
        }
      })
    }
    const [first, last] = [runs[0], runs.at(-1)]
    if (!first || !last || first === last) return
    figures.push({
      name: `${store}: peak memory of the engine, ${sizes.at(-1)?.toLocaleString('en-US')} keys`,
      value: last.peakMiB,
      unit: 'MiB',
      ceiling: { name: `${sizes[0]?.toLocaleString('en-US')} keys`, value: first.peakMiB },
      wanted: { atMost: 1.5 },
    })
  }
  await compare(
    'redis',
    () => startRedis(),
    0.3,
    async (_source, target, keys) => ({
      name: 'redis-benchmark -P 64 -t set',
      value: await redisSetRate(target.port, keys),
    }),
  )
  await compare(
    'postgres',
    () => startPostgres({ settings: { max_wal_size: '8GB' } }),
    0.5,
    async (source, target) => ({
      name: 'bare COPY',
      value: (await bareCopyRate(source.url, target.url, 'bare')).rowsPerSecond,
    }),
  )
  return { title: 'Migration copy, all slots of one shard to another, unthrottled', figures }
}

type Ceiling = (source: RunningServer, target: RunningServer, keys: number) => Promise<{ name: string; value: number }>
