/** Those who write while records are moved: one key that was never there a request, at the shards, through a pod, or at a Redis cluster. */
import { Agent, request } from 'node:http'
import { ShardedStore } from '@fractal-lba/backend/dedup/sharded/sharded-store'
import { RoutingTable } from '@fractal-lba/backend/routing/routing-table'
import { DEFAULT_VNODES, placeSlots } from '@fractal-lba/protocol/ring/ring'
import { dedupKey } from '@fractal-lba/protocol/ring/slots'
import { parseShardList } from '@fractal-lba/shards/address'
import { openShardData } from '@fractal-lba/shards/open'
import { Cluster } from 'ioredis'
import { benchBody } from '../bodies.ts'
import { samplePut } from '../fill-shards.ts'

export type WriterTarget =
  /** `urls`: all that may own something in the end; the first `owners` of them own the slots at the start. */
  | { readonly kind: 'shards'; readonly urls: readonly string[]; readonly owners: number }
  | { readonly kind: 'redis-cluster'; readonly urls: readonly string[] }
  /** Signed summaries to a verifier. */
  | { readonly kind: 'pod'; readonly submitUrl: string }

export interface Writer {
  /** Writes key number `n`. @throws Error when it was not acknowledged as written: it may have been or not. */
  write(n: number): Promise<void>
  close(): Promise<void>
}

const TENANT = 'default'
const DEADLINE_MS = 10_000
const ignore = () => undefined

export function openWriter(target: WriterTarget): Promise<Writer> | Writer {
  switch (target.kind) {
    case 'shards':
      return shardWriter(target.urls, target.owners)
    case 'redis-cluster':
      return clusterWriter(target.urls)
    case 'pod':
      return podWriter(target.submitUrl)
  }
}

/** The key that number `n` is kept under. */
export function keyOf(kind: WriterTarget['kind'], n: number): Buffer {
  if (kind !== 'pod') return samplePut(n, 0).key
  const { pcs_id } = JSON.parse(benchBody(n, 'none')) as { pcs_id: string }
  return dedupKey(TENANT, pcs_id)
}

/** The verifiers' own store, with its routing: it learns from the shards where a slot has gone. */
function shardWriter(urls: readonly string[], owners: number): Writer {
  const addresses = parseShardList(urls)
  const ids = addresses.map(({ id }) => id)
  const store = new ShardedStore(
    new RoutingTable(ids, placeSlots(ids.slice(0, owners), DEFAULT_VNODES)),
    addresses.map((address) => openShardData(address)),
    { onReroutes: ignore, onRegressed: ignore, onReachable: ignore, onBroken: ignore },
    {
      nowMs: Date.now,
      after: (delayMs, run) => {
        const timer = setTimeout(run, delayMs).unref()
        return () => clearTimeout(timer)
      },
      soon: (run) => void setImmediate(run),
    },
  )
  return {
    write: async (n) => {
      const [outcome] = await store.putIfAbsent([samplePut(n, Date.now())], Date.now() + DEADLINE_MS)
      if (outcome?.kind === 'unavailable') throw new Error(outcome.reason)
      if (outcome?.kind !== 'won') throw new Error('the key was there')
    },
    close: () => store.close(),
  }
}

function podWriter(submitUrl: string): Writer {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 })
  return {
    write: (n) =>
      new Promise((resolve, reject) => {
        const body = benchBody(n, 'hmac')
        const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
        const outgoing = request(submitUrl, { method: 'POST', agent, headers, timeout: DEADLINE_MS }, (answer) => {
          answer.resume()
          answer.once('end', () => (answer.statusCode === 200 ? resolve() : reject(new Error(`status ${answer.statusCode}`))))
        })
        outgoing.once('timeout', () => outgoing.destroy(new Error(`no answer in ${DEADLINE_MS} ms`)))
        outgoing.once('error', reject)
        outgoing.end(body)
      }),
    close: async () => agent.destroy(),
  }
}

async function clusterWriter(urls: readonly string[]): Promise<Writer> {
  const cluster = await openCluster(urls)
  return {
    write: async (n) => {
      const { key, record, expiresAtMs } = samplePut(n, Date.now())
      if ((await cluster.set(key, record, 'PXAT', expiresAtMs, 'NX')) === null) throw new Error('the key was there')
    },
    close: async () => cluster.disconnect(),
  }
}

/** A client that knows of clusters: it follows MOVED, ASK and TRYAGAIN by itself. */
export async function openCluster(urls: readonly string[]): Promise<Cluster> {
  const nodes = urls.map((url) => ({ host: new URL(url).hostname, port: Number(new URL(url).port) }))
  const cluster = new Cluster(nodes, { lazyConnect: true, enableReadyCheck: true })
  await cluster.connect()
  return cluster
}
