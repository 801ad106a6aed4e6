/**
 * Waits until the replicas hold what this connection has written. Redis replicates after it has answered, so without this a replica that takes
 * over could have forgotten who owns a slot (I1). It narrows the window of asynchronous replication; it does not close it.
 */
import type { RedisConnection } from './connect.ts'

const PATIENCE_MS = 5000

/** Those that follow; one that is still being sent the whole data set could neither acknowledge nor take over. */
export async function connectedReplicas(connection: RedisConnection, deadlineMs: number): Promise<number> {
  const info = String(await connection.command('INFO', ['replication'], deadlineMs))
  return [...info.matchAll(/^slave\d+:.*\bstate=online\b/gm)].length
}

/** @throws ShardUnavailable when a replica that is connected has not acknowledged in time. */
export async function acknowledged(connection: RedisConnection, deadlineMs: number): Promise<void> {
  const replicas = await connectedReplicas(connection, deadlineMs)
  if (replicas > 0) {
    const count = (await connection.command('WAIT', [replicas, PATIENCE_MS], deadlineMs)) as number
    if (count < replicas) throw connection.unavailable(`${count} of ${replicas} replicas have acknowledged the change`)
  }
  await syncedToDisk(connection, deadlineMs)
}

/** WAITAOF is there from Redis 7.2 on, and only with the append-only file; without it `appendfsync` decides. */
async function syncedToDisk(connection: RedisConnection, deadlineMs: number): Promise<void> {
  try {
    const [local] = (await connection.command('WAITAOF', [1, 0, PATIENCE_MS], deadlineMs)) as [number, number]
    if (local < 1) throw connection.unavailable('the change is not synced to its disk yet')
  } catch (error) {
    const reply = ((error as Error).cause as Error | undefined)?.message ?? ''
    if (!/unknown command|appendonly is disabled|cannot be used/i.test(reply)) throw error
  }
}
