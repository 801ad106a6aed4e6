/**
 * How fast a verifier takes submissions, against a bare Fastify server that reads the same bodies and answers a constant. Each
 * round measures every store and the ceiling once, in turn, so that a machine whose speed drifts moves all of them; medians count.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres } from '@fractal-lba/servers/postgres'
import { startRedis } from '@fractal-lba/servers/redis'
import type { BodySigning } from './bodies.ts'
import { BENCH_ED25519_PUBLIC_KEY, BENCH_HMAC_KEY } from './bodies.ts'
import { writeBodies } from './body-files.ts'
import { type Figure, median, type Section } from './measure.ts'
import { startProcess } from './processes.ts'
import { wrk } from './wrk.ts'

interface Subject {
  readonly name: string
  readonly signing: BodySigning
  /** Starts it on empty state. */
  start(walDir: string): Promise<{ port: number; stop(): Promise<void> }>
}

const HMAC = { PCS_SIGN_ALG: 'hmac', PCS_HMAC_KEY: BENCH_HMAC_KEY }
const ED25519 = { PCS_SIGN_ALG: 'ed25519', PCS_ED25519_PUB_B64: BENCH_ED25519_PUBLIC_KEY }

async function verifier(walDir: string, env: Record<string, string>) {
  const started = await startProcess('backend/src/main.ts', {
    PORT: '0',
    FLK_HOST: '127.0.0.1',
    FLK_POD_NAME: 'bench-0',
    FLK_LOG_LEVEL: 'warn',
    TOKEN_RATE: '0',
    WAL_DIR: walDir,
    ...env,
  })
  return { port: started.listening.port, stop: started.stop }
}

const BARE: Subject = {
  name: 'bare Fastify',
  signing: 'hmac',
  async start() {
    const started = await startProcess('bench/src/bare-server.ts')
    return { port: started.listening.port, stop: started.stop }
  },
}

const MEMORY: Subject = { name: 'memory', signing: 'hmac', start: (walDir) => verifier(walDir, HMAC) }

const MEMORY_ED25519: Subject = { name: 'memory, Ed25519', signing: 'ed25519', start: (walDir) => verifier(walDir, ED25519) }

function redis(name: string, appendFsync: 'always' | 'everysec'): Subject {
  return {
    name,
    signing: 'hmac',
    async start(walDir) {
      const server = await startRedis({ appendFsync })
      const { port, stop } = await verifier(walDir, { ...HMAC, DEDUP_BACKEND: 'redis', REDIS_ADDR: server.url })
      const stopBoth = () => stop().then(() => server.stop())
      return { port, stop: () => stopBoth().then(() => rm(server.dataDir, { recursive: true })) }
    },
  }
}

const REDIS = redis('redis', 'always')
const REDIS_EVERYSEC = redis('redis, appendfsync everysec', 'everysec')

const POSTGRES: Subject = {
  name: 'postgres',
  signing: 'hmac',
  async start(walDir) {
    const postgres = await startPostgres()
    const { port, stop } = await verifier(walDir, { ...HMAC, DEDUP_BACKEND: 'postgres', POSTGRES_CONN: postgres.url })
    return {
      port,
      stop: () =>
        stop()
          .then(() => postgres.stop())
          .then(() => rm(postgres.dataDir, { recursive: true })),
    }
  },
}

export interface IngestOptions {
  readonly rounds: number
  readonly seconds: number
  readonly say: (line: string) => void
}

export async function benchIngest({ rounds, seconds, say }: IngestOptions): Promise<Section> {
  const scratch = await mkdtemp(join(tmpdir(), 'flk-bench-'))
  try {
    const files = await writeBodies(scratch, seconds, say)
    const rates = new Map<string, number[]>()
    const duplicates: { fresh: number[]; repeated: number[] } = { fresh: [], repeated: [] }
    for (let round = 0; round < rounds; round++) {
      for (const subject of [BARE, MEMORY, MEMORY_ED25519, REDIS, REDIS_EVERYSEC, POSTGRES]) {
        const walDir = await mkdtemp(join(scratch, 'wal-'))
        const running = await subject.start(walDir)
        try {
          await wrk(running.port, files.warmUp[subject.signing], 2)
          const result = await wrk(running.port, files.unique[subject.signing], seconds)
          rates.set(subject.name, [...(rates.get(subject.name) ?? []), result.perSecond])
          say(`round ${round + 1}: ${subject.name} ${Math.round(result.perSecond)} req/s, p99 ${result.p99Ms} ms`)
          if (subject === MEMORY) {
            const again = await wrk(running.port, files.warmUp.hmac, seconds)
            duplicates.fresh.push(result.perSecond)
            duplicates.repeated.push(again.perSecond)
            say(`round ${round + 1}: memory, duplicates only ${Math.round(again.perSecond)} req/s`)
          }
        } finally {
          await running.stop()
          await rm(walDir, { recursive: true, force: true })
        }
      }
    }
    const of = (subject: Subject) => median(rates.get(subject.name) ?? [])
    const figure = (name: string, subject: Subject, ceiling: Subject, atLeast: number): Figure => ({
      name,
      value: of(subject),
      unit: 'req/s',
      ceiling: { name: ceiling.name, value: of(ceiling) },
      wanted: { atLeast },
    })
    return {
      title: 'Ingest: whole pipeline, synced before each answer, 64 connections',
      figures: [
        figure('memory, HMAC', MEMORY, BARE, 0.85),
        figure('redis, HMAC', REDIS, MEMORY, 0.8),
        figure('redis, appendfsync everysec, HMAC', REDIS_EVERYSEC, MEMORY, 0.8),
        figure('postgres, HMAC', POSTGRES, MEMORY, 0.6),
        figure('memory, Ed25519', MEMORY_ED25519, MEMORY, 0.5),
        {
          name: 'memory, duplicates only',
          value: median(duplicates.repeated),
          unit: 'req/s',
          ceiling: { name: 'memory, new keys', value: median(duplicates.fresh) },
          wanted: { atLeast: 1 },
        },
      ],
    }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}
