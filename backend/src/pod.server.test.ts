import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { revisionOf } from '@fractal-lba/protocol/config/fleet-config'
import { startPostgres } from '@fractal-lba/servers/postgres'
import { startRedis } from '@fractal-lba/servers/redis'
import type { RunningServer } from '@fractal-lba/servers/running-server'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startDroppingProxy } from './testing/dropping-proxy.ts'
import { type PodProcess, podEnvironment, startPodProcess, temporaryFolder } from './testing/pod-process.ts'
import { body } from './testing/summaries.ts'

// Each test starts a pod or two, and on a busy machine that takes its time.
vi.setConfig({ testTimeout: 90_000 })

let redis: RunningServer
let postgres: RunningServer
let others: RunningServer[]
const folders: string[] = []
const pods: PodProcess[] = []
let nextNumber = 1

beforeAll(async () => {
  const started = await Promise.all([startRedis(), startPostgres(), startRedis(), startRedis()])
  redis = started[0]
  postgres = started[1]
  others = [started[2], started[3]]
}, 120_000)
afterAll(async () => {
  await Promise.all(pods.map((pod) => pod.kill('SIGKILL')))
  await Promise.all([redis, postgres, ...others].map((server) => server.stop()))
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true })))
})

async function folder(): Promise<string> {
  const path = await temporaryFolder()
  folders.push(path)
  return path
}

async function start(env: Record<string, string>): Promise<PodProcess> {
  const pod = await startPodProcess(env)
  pods.push(pod)
  return pod
}

const someNumbers = (count: number) => Array.from({ length: count }, () => nextNumber++)
const requests = async (pod: PodProcess) => (await pod.admin('GET', '/admin/v1/report')).json.requests as Record<string, number>

describe('a pod on a Redis shard', () => {
  it('gives the same answers as another pod of the fleet, and one of them wins each summary', async () => {
    const [one, two] = await Promise.all(
      ['pod-1', 'pod-2'].map(async (name) =>
        start(podEnvironment(await folder(), { DEDUP_SHARDS: redis.url, FLK_POD_NAME: name, FLK_REPLICAS: '2' })),
      ),
    )
    const numbers = someNumbers(100)
    const answers = await Promise.all(
      numbers.map((n) => Promise.all([one!.submit(body(n, { budget: 0.9 })), two!.submit(body(n))])),
    )
    for (const [a, b] of answers) expect([a.status, a.body]).toEqual([b.status, b.body])
    const [first, second] = await Promise.all([requests(one!), requests(two!)])
    expect((first.accepted ?? 0) + (second.accepted ?? 0)).toBe(100)
    expect((first.dedupHits ?? 0) + (second.dedupHits ?? 0)).toBe(100)
  })

  it('answers what it had answered before it was killed, after it has started again', async () => {
    const env = podEnvironment(await folder(), { DEDUP_SHARDS: redis.url, FLK_POD_NAME: 'killed' })
    const before = await start(env)
    const numbers = someNumbers(200)
    const answered = new Map<number, string>()
    const submissions = numbers.map((n) =>
      before.submit(body(n, { budget: n % 2 ? 0.9 : 0.1 })).then(
        (answer) => answered.set(n, answer.body),
        () => {},
      ),
    )
    await Promise.any(submissions)
    await before.kill('SIGKILL')
    await Promise.all(submissions)
    const after = await start(env)
    for (const [n, text] of answered) expect((await after.submit(body(n))).body).toBe(text)
    expect(answered.size).toBeGreaterThan(0)
  })

  it('accepts, and does not call a duplicate, what it wrote itself when the reply to it was lost', async () => {
    const proxy = await startDroppingProxy(redis.port)
    const pod = await start(
      podEnvironment(await folder(), { DEDUP_SHARDS: `redis://127.0.0.1:${proxy.port}`, FLK_POD_NAME: 'lossy' }),
    ).catch(async (error) => {
      await proxy.close()
      throw error
    })
    const numbers = someNumbers(5)
    for (const n of numbers) {
      proxy.dropNextReply()
      expect((await pod.submit(body(n))).status).toBe(200)
    }
    expect(proxy.dropped).toBe(5)
    expect(await requests(pod)).toMatchObject({ accepted: 5, dedupHits: 0 })
    await proxy.close()
  })
})

const KINDS: readonly (readonly [
  kind: string,
  serverOf: () => RunningServer,
  configured: (server: RunningServer) => Record<string, string>,
])[] = [
  ['Redis', () => others[0] as RunningServer, ({ port }) => ({ DEDUP_BACKEND: 'redis', REDIS_ADDR: `127.0.0.1:${port}` })],
  ['Postgres', () => postgres, ({ url }) => ({ DEDUP_BACKEND: 'postgres', POSTGRES_CONN: url })],
]
describe.each(KINDS)('a pod on a single %s server', (_kind, serverOf, configured) => {
  it('says 503 with Retry-After while the shard is down, loses nothing, and recovers by itself', async () => {
    const server = serverOf()
    const pod = await start(podEnvironment(await folder(), { ...configured(server), FLK_STORE_DEADLINE_MS: '1000' }))
    const [n] = someNumbers(1) as [number]
    expect((await pod.submit(body(n))).status).toBe(200)
    await server.kill()
    const numbers = someNumbers(20)
    for (const answer of await Promise.all(numbers.map((number) => pod.submit(body(number))))) {
      expect(answer).toMatchObject({ status: 503, json: { error: 'store_unavailable' } })
      expect(answer.headers.get('retry-after')).toBe('1')
      expect(answer.json.pcs_id).toBeTypeOf('string')
    }
    await expect.poll(async () => (await pod.get('/ready')).status, { timeout: 5000 }).toBe(503)
    expect((await pod.get('/health')).body).toBe('OK')
    await server.restart()
    await expect.poll(async () => (await requests(pod)).accepted, { timeout: 10_000 }).toBe(21)
    expect((await pod.get('/ready')).status).toBe(200)
    for (const number of numbers) expect((await pod.submit(body(number))).status).toBe(200)
    expect(await requests(pod)).toMatchObject({ accepted: 21, dedupHits: 20, equivocations: 0 })
  })
})

describe('a config push', () => {
  it('connects the new shards before it is answered, is kept for the next start, and is refused from a deposed operator', async () => {
    const path = join(await folder(), 'fleet-config.json')
    const env = podEnvironment(await folder(), { DEDUP_SHARDS: redis.url, FLK_FLEET_CONFIG: path, FLK_POD_NAME: 'pushed' })
    const pod = await start(env)
    const config = { shards: [redis.url, (others[1] as RunningServer).url] }
    const push = { generation: 3, revision: revisionOf(config), config }
    expect(await pod.admin('PUT', '/admin/v1/config', push)).toMatchObject({ status: 200 })
    const { json } = await pod.admin('GET', '/admin/v1/report')
    expect(json).toMatchObject({
      generation: 3,
      configRevision: push.revision,
      shards: [{ reachable: true }, { reachable: true }],
    })
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(push)

    expect(await pod.admin('PUT', '/admin/v1/config', { ...push, generation: 2 })).toMatchObject({
      status: 409,
      json: { seen: 3 },
    })
    expect(await pod.admin('PUT', '/admin/v1/config', { ...push, revision: '0'.repeat(16) })).toMatchObject({ status: 400 })
    const nowhere = { shards: [redis.url, 'redis://127.0.0.1:1'] }
    const unreachable = await pod.admin('PUT', '/admin/v1/config', {
      generation: 3,
      revision: revisionOf(nowhere),
      config: nowhere,
    })
    expect(unreachable).toMatchObject({ status: 503, json: { error: 'unreachable' } })

    const { json: slots } = await pod.admin('GET', '/admin/v1/slots')
    expect(slots).toEqual({ slots: { [`127.0.0.1:${redis.port}`]: '0-16383' } })
    expect(await pod.kill('SIGTERM')).toBe(0)
    const again = await start(env)
    expect((await again.admin('GET', '/admin/v1/report')).json).toMatchObject({ generation: 3, configRevision: push.revision })
  })
})
