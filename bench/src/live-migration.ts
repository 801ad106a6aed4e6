/** What a reshard from one to three shards costs those who submit while it runs: latency, refusals, and how long a cutover holds writes. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres } from '@fractal-lba/servers/postgres'
import { startRedis } from '@fractal-lba/servers/redis'
import type { RunningServer } from '@fractal-lba/servers/running-server'
import { benchBody } from './bodies.ts'
import { runDedupMigrate } from './dedup-migrate.ts'
import { fillShards } from './fill-shards.ts'
import { type Figure, quantile, type Section } from './measure.ts'
import { openLoop } from './open-loop.ts'
import { startPod } from './pod.ts'

const RATE_PER_SECOND = 500
const BASELINE_SECONDS = 15
const WARM_UP_SECONDS = 5
const LONGEST_MIGRATION_SECONDS = 120
const KEYS_BEFORE = 200_000
const HOLD_BUDGET_MS = 50

interface MigrationReport {
  readonly outcome?: string
  readonly holdMs: { readonly p99: number; readonly batches: number }
}

async function measureStore(store: string, start: () => Promise<RunningServer>, say: (line: string) => void): Promise<Figure[]> {
  const scratch = await mkdtemp(join(tmpdir(), 'flk-bench-'))
  const shards = await Promise.all([start(), start(), start()])
  const [source] = shards as [RunningServer, RunningServer, RunningServer]
  say(`${store}: filling a shard with ${KEYS_BEFORE} keys ...`)
  await fillShards([source.url], KEYS_BEFORE)
  const pod = await startPod(store, [source.url], scratch)
  try {
    let next = 0
    const take = (count: number) => Array.from({ length: count }, () => Buffer.from(benchBody(next++, 'hmac')))
    const load = { urls: [pod.submitUrl], ratePerSecond: RATE_PER_SECOND }
    await openLoop({ ...load, bodies: take(RATE_PER_SECOND * WARM_UP_SECONDS), seconds: WARM_UP_SECONDS })
    say(`${store}: ${RATE_PER_SECOND} req/s without a migration ...`)
    const quiet = await openLoop({ ...load, bodies: take(RATE_PER_SECOND * BASELINE_SECONDS), seconds: BASELINE_SECONDS })
    say(`${store}: the same while it is resharded from one to three ...`)
    const bodies = take(RATE_PER_SECOND * LONGEST_MIGRATION_SECONDS)
    const ended = new AbortController()
    const loading = openLoop({ ...load, bodies, seconds: LONGEST_MIGRATION_SECONDS, signal: ended.signal })
    const pods = ['--pods', pod.adminUrl, '--admin-token-file', pod.adminTokenFile]
    const pace = ['--soak', '1', '--step-seconds', '1', '--throttle', '20000']
    const list = shards.map(({ url }) => url).join(',')
    const kept = ['--certificate', join(scratch, 'certificate.json')]
    const args = ['run', '--from', source.url, '--to', list, ...pods, ...pace, ...kept]
    const run = await runDedupMigrate(args).finally(() => ended.abort())
    const busy = await loading
    const report = run.report as MigrationReport
    if (report.outcome !== 'completed') throw new Error(`the migration ended as ${report.outcome}`)
    const refused = [...busy.statuses].reduce((sum, [status, count]) => sum + (status === 200 ? 0 : count), 0)
    return [
      {
        name: `${store}: p95 of answers during a reshard 1 → 3`,
        value: quantile(busy.latenciesMs, 0.95),
        unit: 'ms',
        ceiling: { name: 'without one', value: quantile(quiet.latenciesMs, 0.95) },
        wanted: { atMost: 1.5 },
        note: `${busy.latenciesMs.length} answers; p99 ${quantile(busy.latenciesMs, 0.99).toFixed(1)} ms`,
      },
      {
        name: `${store}: a cutover batch holds writes, p99`,
        value: report.holdMs.p99,
        unit: 'ms',
        ceiling: { name: 'budget', value: HOLD_BUDGET_MS },
        wanted: { atMost: 1 },
        note: `${report.holdMs.batches} batches`,
      },
      {
        name: `${store}: answers other than 200`,
        value: refused,
        unit: 'requests',
        ceiling: { name: 'answers', value: busy.latenciesMs.length },
        wanted: { atMost: 0 },
      },
    ]
  } finally {
    await pod.stop()
    await Promise.all(shards.map((shard) => shard.stop()))
    for (const dir of [scratch, ...shards.map(({ dataDir }) => dataDir)]) await rm(dir, { recursive: true, force: true })
  }
}

export async function benchLiveMigration(say: (line: string) => void): Promise<Section> {
  const redis = await measureStore('redis', () => startRedis(), say)
  const postgres = await measureStore('postgres', () => startPostgres(), say)
  return {
    title: `A live reshard under ${RATE_PER_SECOND} req/s, shards, verifier and load on one machine`,
    figures: [...redis, ...postgres],
  }
}
