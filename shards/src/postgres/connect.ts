/**
 * Connections to a PostgreSQL shard: a pool that survives the server's restarts, a deadline for each call, and errors that name the
 * shard and no credentials.
 */
import pg from 'pg'
import type { ShardAddress } from '../address.ts'
import { ShardUnavailable } from '../port.ts'

export interface PoolOptions {
  readonly connections: number
  /** The server gives up a statement after this long, whatever became of its client. */
  readonly statementTimeoutMs: number
}

/**
 * Plans are made once, and by what we know rather than by statistics: a plan made while a table was small, or before it was analysed, would
 * scan it for minutes after it has grown, and everything we read has an index. What we commit is on disk, whatever the server's default is.
 */
const SESSION = [
  'synchronous_commit=on',
  'plan_cache_mode=force_generic_plan',
  'enable_seqscan=off',
  'enable_bitmapscan=off',
  'jit=off',
  'idle_in_transaction_session_timeout=15000',
]
  .map((setting) => `-c ${setting}`)
  .join(' ')

export const UNIQUE_VIOLATION = '23505'
export const LOCK_NOT_AVAILABLE = '55P03'

export class PostgresPool {
  readonly #address: ShardAddress
  readonly #pool: pg.Pool

  constructor(address: ShardAddress, options: PoolOptions) {
    this.#address = address
    this.#pool = new pg.Pool({
      connectionString: address.url,
      max: options.connections,
      connectionTimeoutMillis: 3000,
      idleTimeoutMillis: 60_000,
      keepAlive: true,
      statement_timeout: options.statementTimeoutMs,
      application_name: 'fractal-lba',
      options: SESSION,
    })
    // A connection that breaks is dropped, by the pool where it is idle and by `use` otherwise; its error is the caller's, or nobody's. Without
    // a listener it would end the process, and it can come in the same packet as the end of the handshake, before anybody has the connection.
    this.#pool.on('error', () => undefined)
    this.#pool.on('connect', (client) => client.on('error', () => undefined))
  }

  /**
   * Runs `work` on a connection. When the deadline passes, or the connection broke, it is thrown away: its state is unknown.
   * @throws ShardUnavailable for every error of the server or the connection; others pass.
   */
  async use<T>(deadlineMs: number, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>()
    late.catch(() => undefined)
    const timer = setTimeout(() => reject(new Error('no answer by the deadline')), Math.max(0, deadlineMs - Date.now()))
    const connecting = this.#pool.connect()
    let client: pg.PoolClient
    try {
      client = await Promise.race([connecting, late])
    } catch (error) {
      clearTimeout(timer)
      connecting.then(
        (unused) => unused.release(),
        () => undefined,
      )
      throw this.#unavailable(error)
    }
    let broken = true
    const working = work(client)
    try {
      const result = await Promise.race([working, late])
      broken = false
      return result
    } catch (error) {
      working.catch(() => undefined)
      // An error that the server reported leaves the connection in order; the transaction, if any, has to be ended.
      if (sqlStateOf(error) !== undefined && !isShutdown(error)) broken = !(await rolledBack(client, late))
      else if (!isConnectionError(error)) broken = !(await rolledBack(client, late))
      throw this.#unavailable(error)
    } finally {
      clearTimeout(timer)
      client.release(broken)
    }
  }

  async close(): Promise<void> {
    await this.#pool.end()
  }

  unavailable(what: string, cause?: unknown): ShardUnavailable {
    return new ShardUnavailable(this.#address.id, what, { cause })
  }

  #unavailable(error: unknown): unknown {
    if (sqlStateOf(error) === undefined && !isConnectionError(error)) return error
    return this.unavailable(reasonOf(error as Error), error)
  }
}

/** The SQLSTATE of an error that the server reported, also when it comes wrapped. */
export function sqlStateOf(error: unknown): string | undefined {
  if (error instanceof ShardUnavailable) return sqlStateOf(error.cause)
  return error instanceof pg.DatabaseError ? error.code : undefined
}

/** Class 57: the server goes down, and its connections with it. */
function isShutdown(error: unknown): boolean {
  return sqlStateOf(error)?.startsWith('57P') ?? false
}

function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof ShardUnavailable) return false
  return 'errno' in error || /deadline|Connection terminated|timeout|not queryable|Client was closed/i.test(error.message)
}

async function rolledBack(client: pg.PoolClient, late: Promise<never>): Promise<boolean> {
  try {
    await Promise.race([client.query('rollback'), late])
    return true
  } catch {
    return false // the caller throws what went wrong first
  }
}

function reasonOf(error: Error): string {
  const state = sqlStateOf(error)
  if (state?.startsWith('28')) return `it refused the credentials (${state})`
  return state === undefined ? error.message : `${error.message} (${state})`
}
