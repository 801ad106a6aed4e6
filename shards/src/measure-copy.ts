/**
 * Measures how fast a slot's records go from one server to the other, against what the store itself can do in the same run: for Redis
 * `redis-benchmark -P 64 -t set`, for PostgreSQL a bare COPY between the two servers.
 *
 *   node shards/src/measure-copy.ts redis|postgres [keys]
 */
import { spawnSync } from 'node:child_process'
import { pipeline } from 'node:stream/promises'
import { type Generation, SLOT_COUNT, type SlotId } from '@fractal-lba/protocol/ring/slots'
import { startPostgres } from '@fractal-lba/servers/postgres'
import { startRedis } from '@fractal-lba/servers/redis'
import pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import { parseShardAddress } from './address.ts'
import { ALL_SLOTS, openPair, type Pair, putAll, putsIn, slot } from './conformance/bed.ts'
import type { ExportCursor, Fence, MigrationId } from './port.ts'

const FENCE: Fence = { generation: 1, migration: 'measured' as MigrationId }
const APPLIES_UNDER_WAY = 3

const [kind = 'redis', count = '400000'] = process.argv.slice(2)
const keys = Number(count)
const settings = { shared_buffers: '256MB', max_wal_size: '4GB' }
const servers = await (kind === 'redis'
  ? Promise.all([startRedis(), startRedis()])
  : Promise.all([startPostgres({ settings }), startPostgres({ settings })]))
try {
  let opened = 0
  const pair = await openPair({
    kind: kind === 'redis' ? 'redis' : 'postgres',
    fresh: async () => parseShardAddress((servers[opened++] as (typeof servers)[number]).url),
  })
  await fill(pair)
  const ceiling = kind === 'redis' ? redisCeiling() : await postgresCeiling()
  const copied = await copyAll(pair)
  const digested = await digestAll(pair)
  console.log(
    JSON.stringify({
      kind,
      keys,
      ceilingPerS: ceiling,
      copyPerS: copied,
      ratio: Number((copied / ceiling).toFixed(2)),
      digestPerS: digested,
    }),
  )
  await prepareStep(pair)
  await pair.close()
} finally {
  await Promise.all(servers.map((server) => server.stop()))
}

async function fill(pair: Pair): Promise<void> {
  const from = performance.now()
  const perSlot = Math.max(1, Math.round(keys / SLOT_COUNT))
  const workers = Array.from({ length: 8 }, async (_, worker) => {
    for (let of = worker; of < SLOT_COUNT; of += 8) await putAll(pair.source, putsIn([slot(of)], perSlot))
  })
  await Promise.all(workers)
  console.error(`filled: ${perS(keys, from)} puts/s`)
}

async function copyAll(pair: Pair): Promise<number> {
  await pair.source.control.startCapture(FENCE, ALL_SLOTS, pair.target.control.id)
  await pair.target.control.beginImport(FENCE, ALL_SLOTS, pair.source.control.id)
  const from = performance.now()
  let copied = 0
  const underWay: Promise<unknown>[] = []
  let cursor: ExportCursor | undefined = { slots: ALL_SLOTS, within: undefined }
  let exporting = pair.source.control.exportFrom(cursor, 10_000)
  while (cursor) {
    const { batch, next } = await exporting
    cursor = next
    if (next) exporting = pair.source.control.exportFrom(next, 10_000)
    copied += batch.keys
    underWay.push(pair.target.control.apply(FENCE, batch))
    if (underWay.length >= APPLIES_UNDER_WAY) await underWay.shift()
  }
  await Promise.all(underWay)
  return perS(copied, from)
}

async function digestAll(pair: Pair): Promise<number> {
  const from = performance.now()
  const options = { aliveAtMs: Date.now() + 1e6, withoutCaptured: FENCE.migration }
  const digests = await pair.source.control.digest(ALL_SLOTS, options)
  const took = performance.now()
  const others = await pair.target.control.digest(ALL_SLOTS, { ...options, withoutCaptured: undefined })
  const wrong = digests.filter(({ digest }, at) => digest !== others[at]?.digest)
  if (wrong.length > 0) throw new Error(`${wrong.length} slots differ after the copy`)
  return Math.round((1000 * digests.reduce((sum, one) => sum + one.count, 0)) / (took - from))
}

/** How long puts are held up by a step that moves half of all slots. */
async function prepareStep(pair: Pair): Promise<void> {
  await pair.target.control.markVerified(FENCE, ALL_SLOTS)
  const half = ALL_SLOTS.slice(0, SLOT_COUNT / 2)
  const elsewhere = putsIn([slot(SLOT_COUNT - 1)], 1)
  let worst = 0
  let stop = false
  const watcher = (async () => {
    while (!stop) {
      const from = performance.now()
      await putAll(pair.source, elsewhere)
      worst = Math.max(worst, performance.now() - from)
    }
  })()
  const from = performance.now()
  await pair.source.control.release(FENCE, half, pair.target.control.id)
  const released = performance.now()
  await pair.target.control.acquire(
    FENCE,
    half.map((of: SlotId) => ({ slot: of, generation: 2 as Generation })),
    pair.source.control.id,
  )
  const acquired = performance.now()
  stop = true
  await watcher
  console.log(
    JSON.stringify({
      step: half.length,
      releaseMs: Math.round(released - from),
      acquireMs: Math.round(acquired - released),
      slowestOtherPutMs: Math.round(worst),
    }),
  )
}

function redisCeiling(): number {
  const bench = (extra: string[]) => {
    const args = ['-p', String(servers[1]?.port), '-n', '1000000', '-P', '64', '-t', 'set', '--csv', ...extra]
    const { stdout } = spawnSync('redis-benchmark', args, { encoding: 'utf8' })
    return Math.round(Number(/"SET","([\d.]+)"/.exec(stdout)?.[1]))
  }
  const ceiling = bench([])
  console.error(
    `redis-benchmark: ${ceiling}/s; with 100 bytes and random keys, as ours are: ${bench(['-r', '10000000', '-d', '100', '--dbnum', '1'])}/s`,
  )
  return ceiling
}

async function postgresCeiling(): Promise<number> {
  const [source, target] = servers.map((server) => new pg.Client(server.url)) as [pg.Client, pg.Client]
  await Promise.all([source.connect(), target.connect()])
  await target.query('create table bare (like flk.decision including all)')
  const from = performance.now()
  await pipeline(
    source.query(copyTo('copy flk.decision to stdout (format binary)')),
    target.query(copyFrom('copy bare from stdin (format binary)')),
  )
  const ceiling = perS(keys, from)
  await target.query('drop table bare')
  await Promise.all([source.end(), target.end()])
  return ceiling
}

function perS(done: number, from: number): number {
  return Math.round((1000 * done) / (performance.now() - from))
}
