import { startPostgres } from '@fractal-lba/servers/postgres'
import { startRedis } from '@fractal-lba/servers/redis'
import { parseShardAddress } from '@fractal-lba/shards/address'
import { DATABASES, emptyDatabases } from '@fractal-lba/shards/conformance/postgres-databases'
import { afterAll } from 'vitest'
import { describeJoining } from './testing/joining.ts'

const redis = await startRedis({ args: ['--databases', '64'] })
const postgres = await startPostgres({ databases: DATABASES })
afterAll(() => Promise.all([redis.stop(), postgres.stop()]))

let databases = 0
describeJoining({ kind: 'redis', fresh: async () => parseShardAddress(`${redis.url}/${databases++}`) })
describeJoining({ kind: 'postgres', fresh: emptyDatabases(postgres) })
