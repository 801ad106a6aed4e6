import { startRedis } from '@fractal-lba/servers/redis'
import { afterAll } from 'vitest'
import { parseShardAddress } from './address.ts'
import { describeShard } from './conformance/all.ts'

/** Databases of one server are shards that share nothing but their process. `always`: no acknowledged write is lost when it is killed. */
const redis = await startRedis({ args: ['--appendfsync', 'always', '--databases', '512'] })
afterAll(() => redis.stop())

let databases = 0
describeShard({
  kind: 'redis',
  fresh: async () => parseShardAddress(`${redis.url}/${databases++}`),
  server: redis,
})
