/**
 * Migrations under load, while what carries them is killed, frozen, cut off or away: operators, verifiers, a shard, the API server, the
 * network, the node. Each completes, agents are answered all the while, and at the end the auditor finds one outcome for each key.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openCluster } from '../cluster/open-cluster.ts'
import { type Migration, TestFleet } from '../support/fleet.ts'
import { operatorPods, untilLeader } from '../support/leadership.ts'
import type { Load } from '../support/load.ts'
import { withoutNetwork } from '../support/network-cut.ts'
import { signalPod } from '../support/pod-processes.ts'
import { until } from '../support/until.ts'
import { installOperator, OPERATOR_NAMESPACE, openKubectl } from '../support/world.ts'

const kubectl = openKubectl()
const NAMESPACE = 'e2e-faults'
const REPLICAS = 3
const LOAD_PER_SECOND = 60
const PHASE_MS = 300_000
const END_MS = 600_000
const FAULT_TEST_MS = 900_000
const API_SERVER_AWAY_MS = 60_000
/** Longer than the lease of its leader, and shorter than what its liveness probe forgives. */
const PAUSE_MS = 22_000
const CUT_MS = 8_000
const FLEET_PODS = 'app.kubernetes.io/name=fractal-lba,app.kubernetes.io/component=verifier'
/** Of a shard that is killed come errors; here it is asked whether the migration lives through that, not whether gates see it. */
const FORGIVING = {
  healthGates: { maxLatencyP95: 60_000, maxErrorRate: 100, minDedupHitRatio: 0 },
  progressDeadlineSeconds: 300,
}
let fleet: TestFleet
let load: Load

beforeAll(async () => {
  await installOperator(kubectl)
  fleet = await TestFleet.install(kubectl, { namespace: NAMESPACE, kind: 'redis', replicas: REPLICAS, shards: 1 })
  load = await fleet.startLoad(LOAD_PER_SECOND)
  await fleet.upgrade({ shards: 3 })
}, 300_000)
afterAll(() => fleet?.remove())

const begin = async (name: string, from: number, to: number, spec: Record<string, unknown>) => {
  await kubectl.apply(fleet.migration(name, from, to, { ...FORGIVING, ...spec }))
}
const seen = (name: string, what: string, holds: (status: NonNullable<Migration['status']>) => boolean) =>
  until<Migration>(`${name}: ${what}`, PHASE_MS, async () => {
    const migration = await fleet.readMigration(name)
    const { status } = migration
    return status && holds(status) ? migration : `${status?.phase}: ${status?.message}`
  })
const inPhase = (name: string, phase: string) => seen(name, phase, (status) => status.phase === phase)
const completes = (name: string) => fleet.untilPhase(name, ['Completed'], END_MS)

/** Half of what agents send at the least: some of them wait for an answer to an earlier one. */
async function answeredDuring<T>(act: () => Promise<T>): Promise<T> {
  const before = load.totals.answered
  const startedMs = performance.now()
  const result = await act()
  const seconds = (performance.now() - startedMs) / 1000
  expect((load.totals.answered - before) / seconds).toBeGreaterThan(LOAD_PER_SECOND / 2)
  return result
}

/** Gone, and made anew by its controller; its last process had no time for anything. */
const killPod = async (namespace: string, pod: string) => {
  await signalPod(kubectl, namespace, pod, 'SIGKILL')
  await kubectl.run(['-n', namespace, 'delete', 'pod', pod, '--grace-period=1', '--timeout=60s'])
}
const untilReady = (pod: string) =>
  kubectl.run(['-n', NAMESPACE, 'wait', '--for=condition=Ready', `pod/${pod}`, '--timeout=60s']).then(() => ({}))

describe('a migration', () => {
  it(
    'outlives its leader, killed while it copies, and both operators, killed while it cuts over',
    async () => {
      await begin('operators', 1, 3, { throttleQPS: 60, steps: [10, 100], stepSeconds: 4 })
      await seen('operators', 'copying', ({ phase, progress }) => phase === 'Copying' && (progress?.keysCopied ?? 0) > 0)
      const first = await untilLeader(kubectl)
      await kubectl.run(['-n', OPERATOR_NAMESPACE, 'delete', 'pod', first.pod, '--force', '--grace-period=0'])
      const second = await untilLeader(kubectl, first)
      expect(second.epoch).toBeGreaterThan(first.epoch)
      await inPhase('operators', 'Cutover')
      for (const pod of await operatorPods(kubectl)) await signalPod(kubectl, OPERATOR_NAMESPACE, pod, 'SIGKILL')
      const third = await untilLeader(kubectl, second)
      expect(third.epoch).toBeGreaterThan(second.epoch)
      await completes('operators')
    },
    FAULT_TEST_MS,
  )

  it(
    'waits for an API server that is away for a minute, and for a node that is drained, while agents are answered',
    async () => {
      await begin('api-server', 3, 1, { soakSeconds: 5, stepSeconds: 10, steps: [10, 50, 100] })
      await inPhase('api-server', 'DualWrite')
      const cluster = await openCluster(() => undefined)
      await cluster.stopComponent('kube-apiserver')
      try {
        await answeredDuring(() => sleep(API_SERVER_AWAY_MS))
      } finally {
        await cluster.startComponent('kube-apiserver')
      }
      await inPhase('api-server', 'Cutover')
      await answeredDuring(drainNode)
      await completes('api-server')
    },
    FAULT_TEST_MS,
  )

  it(
    'outlives verifiers and a shard that are killed',
    async () => {
      await begin('pods', 1, 3, { soakSeconds: 12, stepSeconds: 5, steps: [10, 100] })
      await inPhase('pods', 'DualWrite')
      await signalPod(kubectl, NAMESPACE, 'fractal-lba-0', 'SIGKILL')
      await killPod(NAMESPACE, 'fractal-lba-2')
      await killPod(NAMESPACE, 'fractal-lba-shard-0-0')
      await untilReady('fractal-lba-shard-0-0')
      await inPhase('pods', 'Cutover')
      await killPod(NAMESPACE, 'fractal-lba-shard-1-0')
      await signalPod(kubectl, NAMESPACE, 'fractal-lba-1', 'SIGKILL')
      await completes('pods')
    },
    FAULT_TEST_MS,
  )

  it(
    'holds while its pods are out of reach, and a leader that wakes up after its lease does no harm',
    async () => {
      await begin('network', 3, 1, { soakSeconds: 5, stepSeconds: 8, steps: [10, 50, 100] })
      await inPhase('network', 'DualWrite')
      const addressesOf = async (namespace: string, selector: string) =>
        (await kubectl.list('pods', namespace, selector)).map(({ status }) => String(status?.podIP))
      const operators = await addressesOf(OPERATOR_NAMESPACE, 'app.kubernetes.io/name=fractal-lba-operator')
      const verifiers = await addressesOf(NAMESPACE, FLEET_PODS)
      await withoutNetwork(operators, verifiers, () =>
        answeredDuring(async () => {
          const held = await seen('network', 'a gate without data', ({ conditions = [] }) =>
            conditions.some(({ type, status }) => type === 'GatePassed' && status === 'Unknown'),
          )
          await sleep(CUT_MS)
          const { status } = await fleet.readMigration('network')
          expect([status?.phase, status?.target]).toEqual([held.status?.phase, held.status?.target])
        }),
      )
      await inPhase('network', 'Cutover')
      const paused = await untilLeader(kubectl)
      await signalPod(kubectl, OPERATOR_NAMESPACE, paused.pod, 'SIGSTOP')
      const successor = await (async () => {
        try {
          const [next] = await Promise.all([untilLeader(kubectl, paused), sleep(PAUSE_MS)])
          return next
        } finally {
          await signalPod(kubectl, OPERATOR_NAMESPACE, paused.pod, 'SIGCONT')
        }
      })()
      await until('the woken leader to say that it leads no more', PHASE_MS, async () => {
        const log = await kubectl.run(['-n', OPERATOR_NAMESPACE, 'logs', paused.pod, '--since=20s'])
        return log.includes('no longer leading') ? {} : log.split('\n').at(-2)
      })
      await completes('network')
      expect(await untilLeader(kubectl)).toEqual(successor)
    },
    FAULT_TEST_MS,
  )
})

it('after all of that no agent was left without an answer, and every acknowledged key has one outcome', async () => {
  expect(await load.stop()).toMatchObject({ refused: 0, unanswered: 0 })
  const { findings, checked } = await fleet.audit(3)
  expect(findings).toEqual([])
  expect(checked.acknowledgedKeys).toBeGreaterThan(2000)
})

/** All verifiers and operators have to go, as many at a time as their disruption budgets allow; the node takes them back meanwhile. */
async function drainNode(): Promise<void> {
  const [node] = await kubectl.list('nodes', undefined)
  const name = node?.metadata.name ?? ''
  const pods = 'app.kubernetes.io/name in (fractal-lba,fractal-lba-operator)'
  const drained = kubectl.run(['drain', name, `--pod-selector=${pods}`, '--delete-emptydir-data', '--timeout=150s'])
  let fewestRunning = REPLICAS
  try {
    await until('an evicted pod that finds no node', PHASE_MS, async () => {
      const pods = await kubectl.list('pods', NAMESPACE, FLEET_PODS)
      const running = pods.filter(({ status, metadata }) => status?.phase === 'Running' && !metadata.deletionTimestamp)
      fewestRunning = Math.min(fewestRunning, running.length)
      return pods.find(({ status }) => status?.phase === 'Pending')
    })
  } finally {
    await kubectl.run(['uncordon', name])
  }
  await drained
  expect(fewestRunning).toBe(REPLICAS - 1)
}
