/**
 * How fast `dedup-migrate copy` moves all slots of one shard to another, unthrottled, against what the same two servers do at
 * best, and whether its memory depends on how much it moves.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { startPostgres } from '@fractal-lba/servers/postgres'
import { startRedis } from '@fractal-lba/servers/redis'
import type { RunningServer } from '@fractal-lba/servers/running-server'
import { bareCopyRate, redisSetRate } from './copy-ceilings.ts'
import { fillShard } from './fill-shard.ts'
import type { Figure, Section } from './measure.ts'

const COMMAND = join(import.meta.dirname, '../../migration/src/cli/main.ts')
const UNTHROTTLED = '1000000000'

interface CopyRun {
  readonly keysPerSecond: number
  readonly peakMiB: number
}

async function copyAll(source: string, target: string, keys: number): Promise<CopyRun> {
  const args = ['copy', '--from', source, '--to', target, '--throttle', UNTHROTTLED, '--pods-know-targets', '--output', 'json']
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', COMMAND, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const started = performance.now()
  let errors = ''
  child.stdout.resume()
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-4000)
  })
  const peak = watchPeak(child)
  const [code] = (await once(child, 'exit')) as [number | null]
  const seconds = (performance.now() - started) / 1000
  if (code !== 0) throw new Error(`dedup-migrate copy ended with ${code}: ${errors}`)
  return { keysPerSecond: keys / seconds, peakMiB: peak() / 1024 }
}

/** Peak resident memory in KiB, as the kernel counts it (VmHWM); read until the process is gone. */
function watchPeak(child: ChildProcess): () => number {
  let peakKiB = 0
  const timer = setInterval(async () => {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '')
    peakKiB = Math.max(peakKiB, Number(status.match(/VmHWM:\s+(\d+)/)?.[1] ?? 0))
  }, 20)
  child.once('exit', () => clearInterval(timer))
  return () => peakKiB
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
        await fillShard(source.url, keys)
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
      value: (await bareCopyRate(source.url, target.url)).rowsPerSecond,
    }),
  )
  return { title: 'Migration copy, all slots of one shard to another, unthrottled', figures }
}

type Ceiling = (source: RunningServer, target: RunningServer, keys: number) => Promise<{ name: string; value: number }>
