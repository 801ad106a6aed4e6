/** How long an answer takes at a moderate rate, against the bare time that this disk takes to make it durable. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BENCH_HMAC_KEY, benchBody } from './bodies.ts'
import { fdatasyncLoop } from './fsync-floor.ts'
import { quantile, type Section } from './measure.ts'
import { openLoop } from './open-loop.ts'
import { startProcess } from './processes.ts'

const RATE_PER_SECOND = 1000
const FLOOR_ROUNDS = 5000

export async function benchLatency(seconds: number, say: (line: string) => void): Promise<Section> {
  const walDir = await mkdtemp(join(tmpdir(), 'flk-bench-'))
  const verifier = await startProcess('backend/src/main.ts', {
    PORT: '0',
    FLK_HOST: '127.0.0.1',
    FLK_POD_NAME: 'bench-0',
    FLK_LOG_LEVEL: 'warn',
    TOKEN_RATE: '0',
    PCS_SIGN_ALG: 'hmac',
    PCS_HMAC_KEY: BENCH_HMAC_KEY,
    WAL_DIR: walDir,
  })
  try {
    say(`latency: ${RATE_PER_SECOND} req/s for ${seconds} s ...`)
    const bodies = Array.from({ length: RATE_PER_SECOND * (seconds + 2) }, (_, n) => Buffer.from(benchBody(n, 'hmac')))
    const urls = [`http://127.0.0.1:${verifier.listening.port}/v1/pcs/submit`]
    const load = { urls, ratePerSecond: RATE_PER_SECOND, punctual: true }
    await openLoop({ ...load, bodies: bodies.slice(0, 2 * RATE_PER_SECOND), seconds: 2 })
    const { latenciesMs, statuses } = await openLoop({ ...load, bodies: bodies.slice(2 * RATE_PER_SECOND), seconds })
    if (statuses.size !== 1 || !statuses.has(200)) throw new Error(`not all answers were 200: ${[...statuses].join('; ')}`)
    const floor = fdatasyncLoop(walDir, FLOOR_ROUNDS)
    const bare = await bareLatencies(bodies.slice(2 * RATE_PER_SECOND), seconds)
    return {
      title: `Latency at ${RATE_PER_SECOND} req/s, open loop, memory, HMAC`,
      figures: [
        {
          name: 'p99 of the answer',
          value: quantile(latenciesMs, 0.99),
          unit: 'ms',
          ceiling: { name: 'p99 of a bare fdatasync loop', value: quantile(floor, 0.99) },
          wanted: { atMost: 3 },
          note: `p50 ${quantile(latenciesMs, 0.5).toFixed(2)} ms, floor p50 ${quantile(floor, 0.5).toFixed(2)} ms`,
        },
        {
          name: 'p99 of the answer, same client',
          value: quantile(latenciesMs, 0.99),
          unit: 'ms',
          ceiling: { name: 'p99 of a bare Fastify answer', value: quantile(bare, 0.99) },
          wanted: { atMost: 3 },
          note: `what the client and HTTP cost by themselves: p50 ${quantile(bare, 0.5).toFixed(2)} ms`,
        },
      ],
    }
  } finally {
    await verifier.stop()
    await rm(walDir, { recursive: true, force: true })
  }
}

/** The same load on a server that does nothing: the part of the latency that is the client's and HTTP's own. */
async function bareLatencies(bodies: readonly Buffer[], seconds: number): Promise<readonly number[]> {
  const bare = await startProcess('bench/src/bare-server.ts')
  try {
    const urls = [`http://127.0.0.1:${bare.listening.port}/v1/pcs/submit`]
    const load = { urls, ratePerSecond: RATE_PER_SECOND, punctual: true }
    await openLoop({ ...load, bodies: bodies.slice(0, 2 * RATE_PER_SECOND), seconds: 2 })
    return (await openLoop({ ...load, bodies, seconds })).latenciesMs
  } finally {
    await bare.stop()
  }
}
