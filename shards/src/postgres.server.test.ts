import { startPostgres } from '@fractal-lba/servers/postgres'
import { afterAll } from 'vitest'
import { describeShard } from './conformance/all.ts'
import { describeFaults } from './conformance/faults.ts'
import { DATABASES, emptyDatabases } from './conformance/postgres-databases.ts'

// By default its recovery would sync each file of each database.
const server = await startPostgres({ databases: DATABASES, settings: { recovery_init_sync_method: 'syncfs' } })
afterAll(() => server.stop())

const bed = { kind: 'postgres' as const, fresh: emptyDatabases(server) }
describeShard(bed)
describeFaults(bed, server)
