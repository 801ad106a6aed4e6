/** What is wrong with how a PostgreSQL server is set up, for people. */
import type { ClientBase } from 'pg'
import { connectedReplicas } from './acknowledge.ts'

const MIN_VERSION = 140000

export async function serverWarnings(client: ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ name: string; setting: string; boot: string }>(
    `select name, setting, coalesce(reset_val, '') as boot from pg_settings
     where name in ('fsync', 'full_page_writes', 'synchronous_commit', 'server_version_num', 'default_transaction_read_only')`,
  )
  const settings = new Map(rows.map((row) => [row.name, row.setting]))
  const warnings: string[] = []
  if (Number(settings.get('server_version_num')) < MIN_VERSION) warnings.push('the server is older than PostgreSQL 14')
  if (settings.get('fsync') === 'off') warnings.push('fsync is off: a crash may lose or damage decisions; set fsync on')
  if (settings.get('full_page_writes') === 'off')
    warnings.push('full_page_writes is off: a crash may damage decisions; set it on')
  if (settings.get('synchronous_commit') === 'off')
    warnings.push('synchronous_commit is off: a crash forgets decisions that were answered; set it on')
  if (settings.get('default_transaction_read_only') === 'on') warnings.push('the server is read-only')
  if ((await connectedReplicas(client)) === undefined)
    warnings.push('this user cannot see the replicas: grant it pg_monitor, or changes of ownership do not wait for them')
  return warnings
}
