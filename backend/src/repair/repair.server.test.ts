/** A shard loses what it had acknowledged, as a Redis that does not sync each write may; the verifiers' logs give it back. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startRedis } from '@fractal-lba/servers/redis'
import type { RunningServer } from '@fractal-lba/servers/running-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type PodProcess, podEnvironment, startPodProcess, temporaryFolder } from '../testing/pod-process.ts'
import { body } from '../testing/summaries.ts'

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))
const KEPT = 8
const LOST = 6

let redis: RunningServer
const wals: string[] = []
const pods: PodProcess[] = []

beforeAll(async () => {
  redis = await startRedis()
  for (const name of ['pod-a', 'pod-b']) {
    const wal = await temporaryFolder()
    wals.push(wal)
    pods.push(await startPodProcess(podEnvironment(wal, { FLK_POD_NAME: name, DEDUP_SHARDS: redis.url, FLK_REPLICAS: '2' })))
  }
})
afterAll(async () => {
  await Promise.all(pods.map((pod) => pod.kill('SIGKILL')))
  await redis?.stop()
  await Promise.all([...wals, ...(redis ? [redis.dataDir] : [])].map((dir) => rm(dir, { recursive: true, force: true })))
})

async function repair(...args: string[]) {
  const child = spawn(process.execPath, [MAIN, '--shards', redis.url, '--wals', wals.join(), '--output', 'json', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk) => (stdout += chunk))
  child.stderr.on('data', (chunk) => (stderr += chunk))
  const [code] = (await once(child, 'close')) as [number]
  return { code, stderr, report: stdout === '' ? {} : (JSON.parse(stdout) as Record<string, unknown>) }
}

const submit = async (pod: number, n: number, change = {}) => {
  const { status, json } = await (pods[pod] as PodProcess).submit(body(n, change))
  return { status, budget: json.recomputed_budget }
}
/** Until what was won is noted in the logs, which is done behind the answers. */
const untilSettled = () =>
  expect
    .poll(async () => Promise.all(pods.map(async (pod) => (await pod.admin('GET', '/admin/v1/report')).json.walBacklogEntries)), {
      timeout: 10_000,
    })
    .toEqual([0, 0])

describe('a repair from the logs of the verifiers', { timeout: 60_000 }, () => {
  it('names what a shard has lost, gives it back, and names what was decided again before that', async () => {
    const answers: unknown[] = []
    const log = join(redis.dataDir, 'appendonlydir')
    for (let n = 0; n < KEPT; n++) answers.push(await submit(n % 2, n))
    await cp(log, `${log}.kept`, { recursive: true })
    for (let n = KEPT; n < KEPT + LOST; n++) answers.push(await submit(n % 2, n))
    await untilSettled()
    expect(await repair()).toMatchObject({ code: 0, report: { winners: KEPT + LOST, present: KEPT + LOST, repaired: [] } })

    // Back to the state of a moment ago: what came after is forgotten.
    await redis.kill()
    await rm(log, { recursive: true })
    await cp(`${log}.kept`, log, { recursive: true })
    await redis.restart()
    await expect.poll(async () => (await (pods[0] as PodProcess).get('/ready')).status, { timeout: 20_000 }).toBe(200)
    await expect.poll(async () => (await (pods[1] as PodProcess).get('/ready')).status, { timeout: 20_000 }).toBe(200)

    expect(await repair('--dry-run')).toMatchObject({
      code: 1,
      report: { winners: KEPT + LOST, present: KEPT, lost: { length: LOST }, repaired: [] },
    })
    // One of the lost keys is submitted with other content, and so is decided a second time.
    const again = await submit(1, KEPT, { r: 0.25, budget: 0.4 })
    expect(again).not.toEqual(answers[KEPT])
    await untilSettled()

    const { code, report } = await repair()
    expect({ code, report }).toMatchObject({
      code: 1,
      report: {
        winners: KEPT + LOST + 1,
        present: KEPT + 1,
        repaired: { length: LOST - 1 },
        decidedAgain: [
          { won: expect.stringMatching(/^pod-a /), decidedAgainBy: expect.stringMatching(/^pod-b /), sameContent: false },
        ],
        altered: [],
        unowned: [],
      },
    })
    for (let n = 0; n < KEPT + LOST; n++) {
      // Other content than the first time: only a record that is there can give the first answer.
      const now = await submit(n % 2, n, { r: 0.75, budget: 0.25 })
      expect(now, `summary ${n}`).toEqual(n === KEPT ? again : answers[n])
    }
    expect(await repair()).toMatchObject({ report: { repaired: [], lost: [], decidedAgain: { length: 1 } } })
  })

  it('says 2 and why when it cannot look', async () => {
    const absent = await temporaryFolder()
    expect(await repair('--wals', absent)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('holds no log of a verifier'),
    })
    expect(await repair('--shards', 'redis://127.0.0.1:1')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('unavailable'),
    })
    await rm(absent, { recursive: true })
  })
})
