import { startPostgres } from '@fractal-lba/servers/postgres'
import { startRedis } from '@fractal-lba/servers/redis'
import pg from 'pg'
import { afterAll } from 'vitest'
import { parseShardAddress } from './address.ts'
import { describeShard } from './conformance/all.ts'

// Databases of one server are shards that share nothing but their process. `always`: nothing acknowledged is lost when it is killed.
const [redis, postgres] = await Promise.all([
  startRedis({ args: ['--appendfsync', 'always', '--databases', '512'] }),
  startPostgres({ settings: { max_connections: '400' } }),
])
afterAll(() => Promise.all([redis.stop(), postgres.stop()]))

let databases = 0
describeShard({
  kind: 'redis',
  fresh: async () => parseShardAddress(`${redis.url}/${databases++}`),
  server: redis,
})

describeShard({
  kind: 'postgres',
  fresh: async () => {
    const name = `shard_${databases++}`
    const client = new pg.Client(postgres.url)
    await client.connect()
    await client.query(`create database ${name}`)
    await client.end()
    return parseShardAddress(postgres.urlOf(name))
  },
  server: postgres,
})
