/**
 * Waits until the replicas that are connected have flushed what was committed. With `synchronous_standby_names` the commit itself has waited;
 * without, a replica that takes over could have forgotten who owns a slot (I1).
 */
import type { ClientBase } from 'pg'

const PATIENCE_MS = 5000
const POLL_MS = 10

/** Undefined when this user may not see them (it needs the role pg_monitor). */
export async function connectedReplicas(client: ClientBase): Promise<number | undefined> {
  const { rows } = await client.query<{ replicas: string; hidden: string }>(
    'select count(*) as replicas, count(*) filter (where state is null) as hidden from pg_stat_replication',
  )
  return Number(rows[0]?.hidden) > 0 ? undefined : Number(rows[0]?.replicas)
}

/** @returns what went wrong, or undefined. */
export async function acknowledged(client: ClientBase): Promise<string | undefined> {
  const { rows } = await client.query<{ lsn: string }>('select pg_current_wal_insert_lsn() as lsn')
  const behind = { text: 'select count(*) as count from pg_stat_replication where flush_lsn < $1', values: [rows[0]?.lsn] }
  for (const until = Date.now() + PATIENCE_MS; ; ) {
    const count = Number((await client.query<{ count: string }>(behind)).rows[0]?.count)
    if (count === 0) return undefined
    if (Date.now() > until) return `${count} replicas have not acknowledged the change`
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}
