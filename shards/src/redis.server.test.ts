import { startRedis } from '@fractal-lba/servers/redis'
import { afterAll } from 'vitest'
import { parseShardAddress } from './address.ts'
import { describeShard } from './conformance/all.ts'
import { describeFaults } from './conformance/faults.ts'

// Databases of one server are shards that share nothing but their process. `always`: nothing acknowledged is lost when it is killed.
const server = await startRedis({ args: ['--databases', '512'] })
afterAll(() => server.stop())

let databases = 0
const bed = { kind: 'redis' as const, fresh: async () => parseShardAddress(`${server.url}/${databases++}`) }
describeShard(bed)
describeFaults(bed, server)
