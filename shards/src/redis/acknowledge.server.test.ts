import { startRedis } from '@fractal-lba/servers/redis'
import { Redis } from 'ioredis'
import { afterAll, expect, it } from 'vitest'
import { parseShardAddress } from '../address.ts'
import { openPair, slot } from '../conformance/bed.ts'
import { openShardControl } from '../open.ts'
import { type MigrationId, ShardUnavailable } from '../port.ts'

const master = await startRedis()
const replica = await startRedis({ args: ['--replicaof', `127.0.0.1 ${master.port}`] })
afterAll(() => Promise.all([master.stop(), replica.stop()]))

it('returns from a change of ownership when the replica has it, and complains while the replica cannot', async () => {
  let databases = 0
  const pair = await openPair({ kind: 'redis', fresh: async () => parseShardAddress(`${master.url}/${databases++}`) })
  const { control } = pair.source
  await expect.poll(async () => (await control.describe()).replicas, { timeout: 20_000 }).toBe(1)
  const fence = { generation: 1, migration: 'm' as MigrationId }
  await control.startCapture(fence, [slot(1)], pair.target.control.id)
  await control.release(fence, [slot(1)], pair.target.control.id)
  const atReplica = openShardControl(parseShardAddress(`${replica.url}/0`))
  expect((await atReplica.describe()).slots.find((row) => row.slot === 1)).toMatchObject({ role: 'released', generation: 2 })

  // The replica's process stands still: it is connected, and acknowledges nothing.
  process.kill(replica.pid as number, 'SIGSTOP')
  const acquire = () => control.acquire(fence, [{ slot: slot(1), generation: 3 as never }], undefined)
  await expect(acquire()).rejects.toThrow(ShardUnavailable)
  process.kill(replica.pid as number, 'SIGCONT')
  await acquire()
  expect((await atReplica.describe()).slots.find((row) => row.slot === 1)).toMatchObject({ role: 'owned', generation: 3 })
  await Promise.all([atReplica.close(), pair.close()])
})

it('warns of eviction, of no persistence, and of loose syncing', async () => {
  const redis = new Redis(master.url)
  const control = openShardControl(parseShardAddress(master.url))
  expect((await control.describe()).warnings).toEqual([])
  await redis.config('SET', 'appendfsync', 'everysec')
  expect((await control.describe()).warnings).toEqual([expect.stringContaining('appendfsync')])
  await redis.config('SET', 'appendonly', 'no')
  await redis.config('SET', 'maxmemory-policy', 'allkeys-lru')
  expect((await control.describe()).warnings).toEqual([expect.stringContaining('evict'), expect.stringContaining('appendonly')])
  redis.disconnect()
  await control.close()
})
