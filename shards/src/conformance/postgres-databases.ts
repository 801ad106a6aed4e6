/** Empty shards on one PostgreSQL server: a few databases, each emptied before it is used again, since making one costs much more. */
import type { RunningPostgres } from '@fractal-lba/servers/postgres'
import pg from 'pg'
import { parseShardAddress, type ShardAddress } from '../address.ts'

/** More than any test has open at once. */
const NAMES = Array.from({ length: 12 }, (_, n) => `shard_${n}`)

export const DATABASES: readonly string[] = NAMES

/** For a server that was started with `DATABASES`. */
export function emptyDatabases(server: RunningPostgres): () => Promise<ShardAddress> {
  let given = 0
  return async () => {
    const url = server.urlOf(NAMES[given++ % NAMES.length] as string)
    const client = new pg.Client(url)
    await client.connect()
    await client.query('set client_min_messages = warning; drop schema if exists flk cascade')
    await client.end()
    return parseShardAddress(url)
  }
}
