import { startRedis } from '@fractal-lba/servers/redis'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeEach, expect, it, vi } from 'vitest'
import { parseShardAddress } from '../address.ts'
import { M1, openPair, type Pair, slot } from '../conformance/bed.ts'
import { openShardControl } from '../open.ts'
import type { ShardControl } from '../port.ts'

const server = await startRedis()
afterAll(() => server.stop())

let databases = 0
let pair: Pair
let redis: Redis
let watcher: ShardControl
beforeEach(async () => {
  redis = new Redis(`${server.url}/${databases}`)
  watcher = openShardControl(parseShardAddress(`${server.url}/${databases}`))
  pair = await openPair({ kind: 'redis', fresh: async () => parseShardAddress(`${server.url}/${databases++}`) })
})
afterEach(async () => {
  vi.useRealTimers()
  redis.disconnect()
  await Promise.all([watcher.close(), pair.close()])
})

const look = async () => (await watcher.describe()).slots
const capturing = (slots: Awaited<ReturnType<typeof look>>) =>
  slots.flatMap((row) => (row.role === 'owned' && row.capture ? [row.slot] : []))

it('does not read rows again that have not changed', async () => {
  const first = await look()
  await pair.source.control.putMigration(M1, '{}')
  expect(await look()).toBe(first)
  await pair.source.control.startCapture(M1, [slot(1)], pair.target.control.id)
  const second = await look()
  expect(capturing(second)).toEqual([1])
  expect(await look()).toBe(second)
})

it('sees the rows of a server that has lost its last change and made another one', async () => {
  const lost = { meta: await redis.hgetallBuffer('flk:meta'), rows: await redis.hgetallBuffer('flk:slots') }
  await pair.source.control.startCapture(M1, [slot(1)], pair.target.control.id)
  expect(capturing(await look())).toEqual([1])
  await redis.multi().del('flk:meta', 'flk:slots').hset('flk:meta', lost.meta).hset('flk:slots', lost.rows).exec()
  await pair.source.control.startCapture(M1, [slot(2)], pair.target.control.id)
  expect(capturing(await look())).toEqual([2])
})

it('sees what was changed past it, late', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  await pair.source.control.startCapture(M1, [slot(1)], pair.target.control.id)
  await look()
  await redis.hset('flk:slots', '1', 'owned 1')
  vi.setSystemTime(Date.now() + 2000)
  expect(capturing(await look())).toEqual([])
})
