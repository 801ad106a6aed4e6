/** What a copy between two shards is measured against: the fastest the same servers take plain writes. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { pipeline } from 'node:stream/promises'
import pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'

/** Bytes of a record in these benchmarks, as a typical decision has. */
export const RECORD_BYTES = 72

/** Keys per second of `redis-benchmark -P 64 -t set` with random keys and values of a record's size. */
export async function redisSetRate(port: number, requests: number): Promise<number> {
  const args = [
    '-p',
    `${port}`,
    '-P',
    '64',
    '-t',
    'set',
    '-n',
    `${requests}`,
    '-r',
    '100000000',
    '-d',
    `${RECORD_BYTES}`,
    '--csv',
  ]
  const child = spawn('redis-benchmark', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  await once(child, 'close')
  const rate = output.match(/"SET","([\d.]+)"/)
  if (!rate) throw new Error(`redis-benchmark's output was not understood: ${output}`)
  return Number(rate[1])
}

/** Rows per second of a bare COPY of the same rows: `COPY … TO STDOUT` of one server piped into `COPY … FROM STDIN` of another. */
export async function bareCopyRate(
  sourceUrl: string,
  targetUrl: string,
  table: string,
): Promise<{ rows: number; rowsPerSecond: number }> {
  const source = new pg.Client({ connectionString: sourceUrl })
  const target = new pg.Client({ connectionString: targetUrl })
  await Promise.all([source.connect(), target.connect()])
  try {
    await target.query(`CREATE TABLE ${table} (key bytea PRIMARY KEY, expires_at_ms bigint NOT NULL, record bytea NOT NULL)`)
    const started = performance.now()
    const reading = source.query(
      copyTo('COPY (SELECT key, expires_at_ms, record FROM flk.decision ORDER BY key) TO STDOUT (FORMAT binary)'),
    )
    const writing = target.query(copyFrom(`COPY ${table} FROM STDIN (FORMAT binary)`))
    await pipeline(reading, writing)
    const seconds = (performance.now() - started) / 1000
    return { rows: writing.rowCount, rowsPerSecond: writing.rowCount / seconds }
  } finally {
    await Promise.all([source.end(), target.end()])
  }
}
