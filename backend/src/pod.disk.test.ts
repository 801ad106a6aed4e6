import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { type PodProcess, podEnvironment, startPodProcess, temporaryFolder } from './testing/pod-process.ts'
import { body } from './testing/summaries.ts'

const folders: string[] = []
const pods: PodProcess[] = []
afterAll(async () => {
  await Promise.all(pods.map((pod) => pod.kill('SIGKILL')))
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true })))
})

/** A pod whose writes to the log meet `fault`. One thread does all file work, so that calls can be counted. */
async function startOnBadDisk(fault: string): Promise<PodProcess> {
  const folder = await temporaryFolder()
  folders.push(folder)
  const tracer = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=pwrite64', '-e', `inject=pwrite64:${fault}`]
  const pod = await startPodProcess(podEnvironment(folder, { UV_THREADPOOL_SIZE: '1', PATH: process.env.PATH ?? '' }), tracer)
  pods.push(pod)
  return pod
}

const canTrace = spawnSync('strace', ['-f', '-qq', 'true']).status === 0
if (!canTrace) console.warn('strace is not here, or may not trace: a failing disk under a whole pod is not tested')

describe.runIf(canTrace)('a pod whose disk fails', () => {
  it('is unready and says 503 with Retry-After while there is no space, acknowledges nothing falsely, and goes on by itself', async () => {
    const pod = await startOnBadDisk('error=ENOSPC:when=6..9')
    const answers: number[] = []
    let refused: Awaited<ReturnType<PodProcess['submit']>> | undefined
    for (let n = 0; n < 50 && refused === undefined; n++) {
      const answer = await pod.submit(body(n))
      answers.push(answer.status)
      if (answer.status !== 200) refused = answer
    }
    expect(refused).toMatchObject({ status: 503, json: { error: 'log_unavailable' } })
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await pod.get('/ready')).toMatchObject({ status: 503, body: 'the write-ahead log is full' })
    await expect.poll(async () => (await pod.get('/ready')).status, { timeout: 20_000 }).toBe(200)
    expect((await pod.submit(body(1000))).status).toBe(200)
    const { json } = await pod.admin('GET', '/admin/v1/report')
    expect((json.requests as Record<string, number>).accepted).toBe(answers.filter((status) => status === 200).length + 1)
  })

  it('answers nothing and ends at once, saying why, when a write to the log fails for good', async () => {
    const pod = await startOnBadDisk('error=EIO:when=5+')
    const exited = once(pod.child, 'exit')
    let failed: unknown
    for (let n = 0; n < 50 && failed === undefined; n++) {
      const answer = await pod.submit(body(n)).catch((error: unknown) => error as Error)
      if (answer instanceof Error || answer.status !== 200) failed = answer
    }
    expect(failed).toBeDefined()
    const [code] = (await exited) as [number]
    expect(code).toBe(1)
    expect(pod.stderr()).toMatch(/The write-ahead log in .* failed/)
  })
})
