import { startPostgres } from '@fractal-lba/servers/postgres'
import pg from 'pg'
import { afterAll, expect, it } from 'vitest'
import { describeShard } from './conformance/all.ts'
import { closeShard, openShard } from './conformance/bed.ts'
import { describeFaults } from './conformance/faults.ts'
import { DATABASES, emptyDatabases } from './conformance/postgres-databases.ts'
import { PROGRAM_VERSION } from './postgres/program.ts'

// By default its recovery would sync each file of each database.
const server = await startPostgres({ databases: DATABASES, settings: { recovery_init_sync_method: 'syncfs' } })
afterAll(() => server.stop())

const bed = { kind: 'postgres' as const, fresh: emptyDatabases(server) }
describeShard(bed)
describeFaults(bed, server)

it('brings the program of another release up to date when a pod starts, though the fleet works', async () => {
  const shard = await openShard(bed)
  const fleet = { id: 'f', initialOwners: [shard.control.id] }
  await shard.control.initialise(fleet, [])
  await shard.control.markFleetReady()
  const before = await shard.control.describe()
  const client = new pg.Client(shard.address.url)
  await client.connect()
  await client.query(`comment on schema flk is 'fractal-lba shard, program of another release'; drop function flk.now_ms`)
  await shard.control.initialise(fleet, [])
  expect(await shard.control.describe()).toEqual(before)
  const { rows } = await client.query(`select obj_description(to_regnamespace('flk')::oid, 'pg_namespace') as comment`)
  expect(rows[0].comment).toContain(PROGRAM_VERSION)
  await client.end()
  await closeShard(shard)
})
