/** What a user of PostgreSQL would copy the same table with: its dump tools, COPY, logical replication. None of them compares anything. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout as after } from 'node:timers/promises'
import pg from 'pg'
import { bareCopyRate } from '../copy-ceilings.ts'
import type { Workbench } from './workbench.ts'

/** Copies flk.decision of `source` into the database `target`, which has an empty schema flk. */
export interface Tool {
  readonly name: string
  /** Ours is held against it; the others only stand beside. */
  readonly yardstick?: true
  /** Resolves when all is there that was there when it began. */
  run(source: string, target: string): Promise<void>
  /** Where later writes follow: resolves when those before this call have. */
  catchUp?(source: string, target: string): Promise<void>
  end?(source: string, target: string): Promise<void>
}

const TABLE = 'CREATE TABLE flk.decision (key bytea PRIMARY KEY, expires_at_ms bigint NOT NULL, record bytea NOT NULL)'
const REPLICATION_DEADLINE_MS = 600_000
const LOOK_EVERY_MS = 50

/** @param bin the folder of the tools */
export function postgresTools(bench: Workbench, bin: string): readonly Tool[] {
  const dump = (source: string, ...args: string[]) => [join(bin, 'pg_dump'), ...args, '-t', 'flk.decision', source]
  const psql = (target: string) => [join(bin, 'psql'), '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', target]
  return [
    { name: 'pg_dump | psql', yardstick: true, run: (source, target) => piped(bench, dump(source), psql(target)) },
    {
      // The index is kept while rows come in, as it is for ours.
      name: 'pg_dump --data-only | psql',
      run: async (source, target) => {
        await ask(target, TABLE)
        await piped(bench, dump(source, '--data-only'), psql(target))
      },
    },
    {
      name: 'pg_dump -Fc | pg_restore',
      run: (source, target) => piped(bench, dump(source, '-Fc'), [join(bin, 'pg_restore'), '-d', target]),
    },
    {
      name: 'binary COPY, piped',
      run: async (source, target) => {
        await bareCopyRate(source, target, 'flk.decision')
      },
    },
    {
      name: 'logical replication, until it is in step',
      yardstick: true,
      run: replicate,
      catchUp: untilSameRows,
      end: endReplication,
    },
  ]
}

/** The rows of the last of the statements. */
export async function ask<Row extends pg.QueryResultRow>(url: string, ...statements: string[]): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  // What ends a connection is said by the query that was under way on it.
  client.on('error', () => undefined)
  await client.connect()
  try {
    let rows: Row[] = []
    for (const statement of statements) rows = (await client.query<Row>(statement)).rows
    return rows
  } finally {
    await client.end()
  }
}

export async function rowsOf(url: string): Promise<number> {
  const [row] = await ask<{ rows: string }>(url, 'SELECT count(*) AS rows FROM flk.decision')
  return Number(row?.rows)
}

/** `from | to`, without a shell. */
async function piped(bench: Workbench, from: readonly string[], to: readonly string[]): Promise<void> {
  const reader = spawn(from[0] as string, from.slice(1), { stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  const writer = spawn(to[0] as string, to.slice(1), { stdio: ['pipe', 'ignore', 'inherit'], detached: true })
  bench.adopt(reader)
  bench.adopt(writer)
  const codes = Promise.all([once(reader, 'close'), once(writer, 'close')])
  await pipeline(reader.stdout, writer.stdin)
  const [[read], [written]] = (await codes) as [[number], [number]]
  if (read !== 0 || written !== 0) throw new Error(`${from[0]} ended with ${read}, ${to[0]} with ${written}`)
}

/** Until the initial copy has come to one position of the source's log; later writes go on arriving. */
async function replicate(source: string, target: string): Promise<void> {
  await ask(target, TABLE)
  await ask(source, 'CREATE PUBLICATION bench FOR TABLE flk.decision')
  const connection = source.replaceAll("'", "''")
  await ask(target, `CREATE SUBSCRIPTION bench CONNECTION '${connection}' PUBLICATION bench WITH (copy_data = true)`)
  await polling('the initial copy of the subscription', async () => {
    const [row] = await ask<{ state: string }>(target, 'SELECT srsubstate AS state FROM pg_subscription_rel')
    return row?.state === 'r' || row?.state === 's'
  })
}

async function untilSameRows(source: string, target: string): Promise<void> {
  const wanted = await rowsOf(source)
  await polling('the subscription', async () => (await rowsOf(target)) >= wanted)
}

async function endReplication(source: string, target: string): Promise<void> {
  await ask(target, 'DROP SUBSCRIPTION IF EXISTS bench')
  await ask(source, 'DROP PUBLICATION IF EXISTS bench')
}

async function polling(what: string, look: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + REPLICATION_DEADLINE_MS; !(await look()); await after(LOOK_EVERY_MS))
    if (Date.now() > deadline) throw new Error(`${what} was not done after ${REPLICATION_DEADLINE_MS / 1000} s`)
}
