/** A policy on real pods, over their admin ports: that what the operator pushes is what pods take, keep and report. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { NO_POLICIES, type PoliciesPush } from '@fractal-lba/protocol/config/policies'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { TieringPolicySpec } from '../../api/tieringpolicy.ts'
import { pushPolicies, readReport } from '../../fleet/pod-client.ts'
import { type Child, startChild } from '../../testing/child.ts'
import { PolicyController } from './controller.ts'
import type { PolicyFleet } from './fleets.ts'
import { TIERING_POLICY } from './kinds.ts'
import { tieringSpec } from './testing/policy-world.ts'
import { SimulatedObjects } from './testing/simulated-objects.ts'

vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 })

const POD_MAIN = fileURLToPath(new URL('../../../../backend/src/main.ts', import.meta.url))
const TOKEN = 'test-admin-token'
const PODS = ['pod-0', 'pod-1', 'pod-2']

let folder: string
const pods = new Map<string, Child<{ adminPort: number }>>()

async function startPod(name: string): Promise<void> {
  const env = {
    ...{ PORT: '0', FLK_HOST: '127.0.0.1', FLK_ADMIN_PORT: '0', FLK_ADMIN_TOKEN: TOKEN, FLK_EXAMINE_THREADS: '0' },
    ...{ FLK_POD_NAME: name, WAL_DIR: join(folder, name), FLK_LOG_LEVEL: 'warn' },
  }
  pods.set(name, await startChild(POD_MAIN, [], env))
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flk-policies-'))
  await Promise.all(PODS.map(startPod))
})
afterAll(async () => {
  await Promise.all([...pods.values()].map((pod) => pod.end('SIGKILL')))
  await rm(folder, { recursive: true, force: true })
})

const addressOf = (name: string) => ({ name, adminURL: `http://127.0.0.1:${pods.get(name)?.ready.adminPort}` })

class RealPods implements PolicyFleet {
  readonly key = 'release'
  kept: PoliciesPush | undefined

  read(timeoutMs: number) {
    return Promise.all(PODS.map((name) => readReport(addressOf(name), TOKEN, timeoutMs)))
  }

  async stable() {
    return this.kept
  }

  async keepStable(push: PoliciesPush) {
    this.kept = push
    return undefined
  }

  push(names: readonly string[], push: PoliciesPush, timeoutMs: number) {
    return Promise.all(names.map((name) => pushPolicies(addressOf(name), TOKEN, push, timeoutMs)))
  }

  async revisions(): Promise<(string | undefined)[]> {
    return (await this.read(5000)).map(({ report }) => report?.policies?.revision)
  }
}

describe('a policy on real pods', () => {
  it('reaches all of them, outlives a crash, is not called ready, is refused from an old leader, and leaves no trace when deleted', async () => {
    const fleet = new RealPods()
    const objects = new SimulatedObjects<TieringPolicySpec>({ nowMs: 0, events: [], wake: () => {}, called: () => {} })
    let epoch = 2
    const newController = () =>
      new PolicyController({
        kind: TIERING_POLICY,
        objects,
        fleets: { find: () => ({ kind: 'found', fleet }), epoch: () => epoch },
        otherKinds: async () => [],
        now: Date.now,
        log: () => {},
      })
    let controller = newController()
    const look = () => controller.reconcile('tiers', new AbortController().signal)
    const until = (what: () => Promise<void> | void) =>
      vi.waitFor(
        async () => {
          await look()
          await what()
        },
        { timeout: 60_000, interval: 100 },
      )

    const gates = { windowSeconds: 1, intervalSeconds: 0.2, minSamples: 20 }
    objects.apply('tiers', tieringSpec({ gates, stepSeconds: 0.2, steps: [1, 100] }))
    await until(() =>
      expect(objects.condition('tiers', 'Ready')).toMatchObject({ status: 'False', reason: 'NotSupportedByFleet' }),
    )
    const { revision } = fleet.kept as PoliciesPush
    expect(await fleet.revisions()).toEqual([revision, revision, revision])

    await pods.get('pod-1')?.end('SIGKILL')
    await startPod('pod-1')
    expect(await fleet.revisions()).toEqual([revision, revision, revision])

    epoch = 1
    controller = newController()
    objects.apply('tiers', tieringSpec({ gates, costOptimization: true }))
    await until(() => expect(objects.condition('tiers', 'Ready')).toMatchObject({ reason: 'Fenced' }))
    const stale = { ...NO_POLICIES, epoch: 1 }
    expect(await pushPolicies(addressOf('pod-1'), TOKEN, stale, 5000)).toEqual({ pod: 'pod-1', kind: 'fenced', seen: 2 })
    expect(await fleet.revisions()).toEqual([revision, revision, revision])

    epoch = 3
    controller = newController()
    objects.delete('tiers')
    await until(() => expect(objects.has('tiers')).toBe(false))
    expect(await fleet.revisions()).toEqual(PODS.map(() => NO_POLICIES.revision))
    expect(fleet.kept).toEqual({ ...NO_POLICIES, epoch: 3 })
  })
})
