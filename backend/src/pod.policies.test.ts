import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { NO_POLICIES, type Policies, type PoliciesPush, policiesRevisionOf } from '@fractal-lba/protocol/config/policies'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type PodProcess, podEnvironment, runMain, startPodProcess, temporaryFolder } from './testing/pod-process.ts'

const pods: PodProcess[] = []
let folder: string

beforeAll(async () => {
  folder = await temporaryFolder()
})
afterAll(async () => {
  await Promise.all(pods.map((pod) => pod.kill('SIGKILL')))
  await rm(folder, { recursive: true })
})

const TIERING: Policies = {
  tiering: {
    hotTier: { backend: 'redis', ttlMs: 3_600_000 },
    coldTier: { backend: 's3', ttlMs: 86_400_000 },
    demotionIntervalMs: 300_000,
    predictivePromotion: false,
    costOptimization: true,
  },
}
const pushOf = (epoch: number, policies: Policies = TIERING): PoliciesPush => ({
  epoch,
  revision: policiesRevisionOf(policies),
  policies,
})

async function start(walDir: string, env: Record<string, string> = {}): Promise<PodProcess> {
  const pod = await startPodProcess(podEnvironment(join(folder, walDir), env))
  pods.push(pod)
  return pod
}
const policiesOf = async (pod: PodProcess) => (await pod.admin('GET', '/admin/v1/report')).json.policies
const put = (pod: PodProcess, push: unknown) => pod.admin('PUT', '/admin/v1/policies', push)

describe('policies pushed to a pod', () => {
  it('are reported, survive a restart, and are refused from a deposed operator before and after it', async () => {
    const pod = await start('kept')
    expect(await policiesOf(pod)).toEqual({ revision: NO_POLICIES.revision, epoch: 0 })
    expect(await put(pod, pushOf(7))).toMatchObject({ status: 200, json: { epoch: 7 } })
    expect(await policiesOf(pod)).toEqual({ revision: pushOf(7).revision, epoch: 7 })
    expect(await put(pod, pushOf(6, {}))).toMatchObject({ status: 409, json: { error: 'fenced', seen: 7 } })
    expect(await pod.kill('SIGKILL')).not.toBe(0)

    const again = await start('kept')
    expect(await policiesOf(again)).toEqual({ revision: pushOf(7).revision, epoch: 7 })
    expect(await put(again, pushOf(6, {}))).toMatchObject({ status: 409, json: { seen: 7 } })
    expect(await put(again, pushOf(7, {}))).toMatchObject({ status: 200 })
    expect(await policiesOf(again)).toEqual({ revision: NO_POLICIES.revision, epoch: 7 })
  })

  it('are not said to be carried out: the report lists no such capability', async () => {
    const pod = await start('capabilities', { FLK_VERSION: '1.2.3-rc.1' })
    await put(pod, pushOf(1))
    expect((await pod.admin('GET', '/admin/v1/report')).json).toMatchObject({ capabilities: [], version: '1.2.3-rc.1' })
  })

  it('change nothing and name the field where they cannot be used', async () => {
    const pod = await start('refused')
    const wrong = { ...pushOf(3), policies: { tiering: { ...TIERING.tiering, demotionIntervalMs: -5 } } }
    expect(await put(pod, wrong)).toMatchObject({
      status: 400,
      json: { error: 'invalid', field: 'policies.tiering.demotionIntervalMs' },
    })
    expect(await put(pod, undefined)).toMatchObject({ status: 400 })
    expect(await policiesOf(pod)).toEqual({ revision: NO_POLICIES.revision, epoch: 0 })
  })

  const DESIRED: readonly (readonly [why: string, desired: PoliciesPush, given: PoliciesPush | undefined, runs: PoliciesPush])[] =
    [
      ['a new pod takes the desired ones', pushOf(4), undefined, pushOf(4)],
      ['what a newer operator gave it stands against older desired ones', pushOf(4), pushOf(5, {}), pushOf(5, {})],
      ['desired ones of the same operator win', pushOf(4), pushOf(4, {}), pushOf(4)],
      ['desired ones of a newer operator win', pushOf(6), pushOf(5, {}), pushOf(6)],
    ]
  it.each(DESIRED)('and the file of the desired ones: %s', async (why, desired, given, runs) => {
    const walDir = why.replaceAll(' ', '-')
    const file = join(folder, `${walDir}.json`)
    if (given) {
      const before = await start(walDir)
      expect(await put(before, given)).toMatchObject({ status: 200 })
      await before.kill('SIGTERM')
    }
    await writeFile(file, JSON.stringify(desired))
    const pod = await start(walDir, { FLK_POLICIES: file })
    expect(await policiesOf(pod)).toEqual({ revision: runs.revision, epoch: runs.epoch })
  })

  it('stop the start, naming file and field, where the file cannot be used', async () => {
    const file = join(folder, 'broken.json')
    await writeFile(file, JSON.stringify({ ...pushOf(1), epoch: 'x' }))
    const ended = await runMain(podEnvironment(join(folder, 'broken'), { FLK_POLICIES: file }))
    expect(ended.code).toBe(1)
    expect(ended.stderr).toContain('broken.json (FLK_POLICIES): epoch must be integer')
  })
})
