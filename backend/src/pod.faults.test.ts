import { rm } from 'node:fs/promises'
import fc from 'fast-check'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { type PodProcess, podEnvironment, startPodProcess, temporaryFolder } from './testing/pod-process.ts'
import { body, summary } from './testing/summaries.ts'

// Each test starts a pod or more, and on a busy machine that takes its time.
vi.setConfig({ testTimeout: 90_000 })

const folders: string[] = []
const pods: PodProcess[] = []
afterAll(async () => {
  await Promise.all(pods.map((pod) => pod.kill('SIGKILL')))
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

const requests = async (pod: PodProcess) => (await pod.admin('GET', '/admin/v1/report')).json.requests as Record<string, number>

describe('a pod with the memory store', () => {
  it('killed at any point and started again, gives every answer again that it gave before', async () => {
    const env = podEnvironment(await folder())
    const answered = new Map<number, string>()
    const KILL_AFTER_ANSWERS = [1, 40, 150]
    for (const [round, killAfter] of KILL_AFTER_ANSWERS.entries()) {
      const pod = await start(env)
      for (const [n, text] of answered) expect((await pod.submit(body(n))).body).toBe(text)
      let seen = 0
      const submissions = Array.from({ length: 200 }, async (_, i) => {
        const n = round * 1000 + Math.floor(i / 2)
        // Every summary comes twice, with other content: whichever came first must stay the first.
        const answer = await pod.submit(body(n, { budget: i % 2 ? 0.9 : 0.1 })).catch(() => undefined)
        if (!answer) return
        expect(answer.body).toBe(answered.get(n) ?? answer.body)
        answered.set(n, answer.body)
        if (++seen === killAfter) pod.child.kill('SIGKILL')
      })
      await Promise.all(submissions)
      await pod.kill('SIGKILL')
    }
    const last = await start(env)
    for (const [n, text] of answered) expect((await last.submit(body(n))).body).toBe(text)
    expect(answered.size).toBeGreaterThan(50)
    expect(await last.kill('SIGTERM')).toBe(0)
  })

  it('drains at SIGTERM: answers what is in flight, exits with 0, and starts from its snapshot', async () => {
    const env = podEnvironment(await folder())
    const pod = await start(env)
    const inFlight = Array.from({ length: 100 }, (_, n) => pod.submit(body(n)))
    await Promise.any(inFlight)
    const exit = pod.kill('SIGTERM')
    const answers = (await Promise.allSettled(inFlight)).flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    expect(answers.every(({ status }) => status === 200 || status === 503)).toBe(true)
    expect(answers.some(({ status }) => status === 200)).toBe(true)
    expect(await exit).toBe(0)
    const again = await start(env)
    expect(again.stderr()).toContain('"replayed":0')
    for (const { status, json } of answers) {
      const n = Array.from({ length: 100 }, (_, i) => i).find((i) => summary(i).pcs_id === json.pcs_id)
      if (status === 200) expect((await again.submit(body(n as number))).json).toEqual(json)
    }
    expect((await requests(again)).accepted).toBe(0)
  })

  it('takes nothing more once it is told to drain, says so, and stays until it is told to end', async () => {
    const pod = await start(podEnvironment(await folder()))
    expect((await pod.admin('POST', '/admin/v1/drain')).status).toBe(202)
    const answer = await pod.submit(body(1))
    expect(answer).toMatchObject({ status: 503, json: { error: 'draining' } })
    expect(answer.headers.get('retry-after')).toBe('1')
    expect(await pod.get('/ready')).toMatchObject({ status: 503 })
    expect((await pod.get('/health')).status).toBe(200)
    expect((await pod.admin('GET', '/admin/v1/report')).json).toMatchObject({ ready: false, draining: true })
    expect(await pod.kill('SIGTERM')).toBe(0)
  })

  it('refuses what is beyond the quota with 429 and Retry-After, before it is logged', async () => {
    const pod = await start(podEnvironment(await folder(), { TOKEN_RATE: '3' }))
    const answers = []
    for (let n = 0; n < 8; n++) answers.push(await pod.submit(body(n)))
    const throttled = answers.filter(({ status }) => status === 429)
    expect(throttled.length).toBeGreaterThan(0)
    expect(answers.slice(0, 3).map(({ status }) => status)).toEqual([200, 200, 200])
    expect(throttled[0]).toMatchObject({ json: { error: 'rate_limited' } })
    expect(Number(throttled[0]?.headers.get('retry-after'))).toBeGreaterThan(0)
    const { json } = await pod.admin('GET', '/admin/v1/report')
    expect(json.requests).toMatchObject({ throttled: throttled.length, rejected: 0, accepted: 8 - throttled.length })
    await pod.kill('SIGTERM')
  })

  it('refuses to share its log with another pod', async () => {
    const env = podEnvironment(await folder())
    await start(env)
    await expect(startPodProcess(env)).rejects.toThrow(/ended with 1 before it listened/)
  })

  it('verifies with as many threads as it is given, and with none', async () => {
    for (const threads of ['0', '2']) {
      const pod = await start(podEnvironment(await folder(), { FLK_EXAMINE_THREADS: threads }))
      const answers = await Promise.all(Array.from({ length: 60 }, (_, n) => pod.submit(n % 3 ? body(n) : `${body(n)}x`)))
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 60 }, (_, n) => (n % 3 ? 200 : 400)))
      await pod.kill('SIGTERM')
    }
  })

  it('answers no input with a 5xx, whatever is sent', async () => {
    const pod = await start(podEnvironment(await folder()))
    const sound = Buffer.from(body(1))
    const spoilt = fc
      .tuple(fc.nat(sound.length - 1), fc.nat(sound.length - 1), fc.uint8Array({ maxLength: 12 }))
      .map(([from, length, bytes]) => Buffer.concat([sound.subarray(0, from), bytes, sound.subarray(from + (length % 9))]))
    const changed = fc
      .record({
        field: fc.constantFrom(...Object.keys(summary(1))),
        value: fc.anything({ withNullPrototype: false, maxDepth: 3 }),
      })
      .map(({ field, value }) =>
        Buffer.from(
          JSON.stringify({ ...summary(1), [field]: value }, (_, part) => (typeof part === 'bigint' ? `${part}` : part)),
        ),
      )
    const random = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes))
    const json = fc.json().map((text) => Buffer.from(text))
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(spoilt, changed, random, json), { minLength: 20, maxLength: 20 }), async (bodies) => {
        const answers = await Promise.all(bodies.map((bytes) => pod.submit(bytes)))
        for (const [i, { status, json: answer }] of answers.entries()) {
          if (status < 400) continue
          expect([400, 401], bodies[i]?.toString('base64')).toContain(status)
          expect(answer.field, bodies[i]?.toString('base64')).toBeTypeOf('string')
        }
      }),
      { numRuns: 40 },
    )
    expect(await requests(pod)).toMatchObject({ failed: 0 })
    expect(await pod.kill('SIGTERM')).toBe(0)
  })
})
