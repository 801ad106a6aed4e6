/** What is wrong with how a Redis server is set up, for people. A server that does not tell (CONFIG is often forbidden) is asked nothing twice. */
import { ShardUnavailable } from '../port.ts'
import type { RedisConnection } from './connect.ts'

export async function serverWarnings(connection: RedisConnection, deadlineMs: number): Promise<string[]> {
  const warnings: string[] = []
  const info = String(await connection.command('INFO', ['memory'], deadlineMs))
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1] ?? 'noeviction'
  const limited = Number(/^maxmemory:(\d+)/m.exec(info)?.[1] ?? 0) > 0
  if (policy !== 'noeviction')
    warnings.push(
      `maxmemory-policy is ${policy}${limited ? '' : ' (no maxmemory is set yet)'}: Redis may evict decisions, and a proof would be accepted twice; set noeviction`,
    )
  const persistence = String(await connection.command('INFO', ['persistence'], deadlineMs))
  if (!/^aof_enabled:1/m.test(persistence))
    warnings.push('appendonly is off: a restart forgets decisions and ownership; set appendonly yes')
  else {
    const appendFsync = await configOf(connection, 'appendfsync', deadlineMs)
    // With everysec Redis answers while it holds writes back behind a sync under way, for up to two seconds.
    if (appendFsync !== undefined && appendFsync !== 'always')
      warnings.push(
        `appendfsync is ${appendFsync}: the death of the server may forget the last decisions that it answered; set appendfsync always`,
      )
  }
  return warnings
}

async function configOf(connection: RedisConnection, name: string, deadlineMs: number): Promise<string | undefined> {
  try {
    const [, value] = (await connection.command('CONFIG', ['GET', name], deadlineMs)) as Buffer[]
    return value?.toString()
  } catch (error) {
    if (error instanceof ShardUnavailable && /unknown command|NOPERM/.test(String((error.cause as Error | undefined)?.message)))
      return undefined
    throw error
  }
}
