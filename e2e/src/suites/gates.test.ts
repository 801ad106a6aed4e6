/**
 * Each kind of gate failure at each phase leads to what the spec says: rollback, freeze, hold. The readings are real: limits are moved to
 * where real traffic breaks them, shards and pods are stopped as they would stop by themselves.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Migration, TestFleet } from '../support/fleet.ts'
import { signalPod } from '../support/pod-processes.ts'
import { until } from '../support/until.ts'
import { installOperator, openKubectl } from '../support/world.ts'

const kubectl = openKubectl()
const NAMESPACE = 'e2e-gates'
const SHARD = 'fractal-lba-shard-0-0'
/** Long enough for a machine that three suites share with a fleet each. */
const PHASE_MS = 300_000
let fleet: TestFleet

/** Long enough in each phase to be caught there. */
const SLOW = { throttleQPS: 300, soakSeconds: 20, stepSeconds: 10, steps: [10, 100], onGateFailure: 'Rollback' }
const LOAD_PER_SECOND = 60

beforeAll(async () => {
  await installOperator(kubectl)
  fleet = await TestFleet.install(kubectl, { namespace: NAMESPACE, kind: 'redis', replicas: 2, shards: 1 })
  await fleet.startLoad(LOAD_PER_SECOND)
  await fleet.upgrade({ shards: 3 })
}, 300_000)
afterAll(() => fleet?.remove())

const patch = (name: string, spec: object) =>
  kubectl.run(['-n', NAMESPACE, 'patch', 'shardmigration', name, '--type=merge', '-p', JSON.stringify({ spec })])
const begin = async (name: string, spec: Record<string, unknown>) => {
  await kubectl.apply(fleet.migration(name, 1, 3, { ...SLOW, ...spec }))
}
const inPhase = (name: string, phase: string) =>
  until<Migration>(`${name} in ${phase}`, PHASE_MS, async () => {
    const migration = await fleet.readMigration(name)
    const now = migration.status?.phase
    return now === phase ? migration : `${now}: ${migration.status?.message}`
  })
const failed = async (name: string) => (await fleet.untilPhase(name, ['Failed'], PHASE_MS)).status
const condition = (status: Migration['status'], type: string) => status?.conditions?.find((one) => one.type === type)
/** The sources own everything again, so the next one may start from there. */
const forget = (name: string) => kubectl.run(['-n', NAMESPACE, 'delete', 'shardmigration', name, '--timeout=60s'])

describe('a gate that fails', () => {
  it.each([
    ['Copying', 'maxLatencyP95', { maxLatencyP95: 0.001 }],
    ['DualWrite', 'minDedupHitRatio', { minDedupHitRatio: 100 }],
    ['Cutover', 'maxLatencyP95', { maxLatencyP95: 0.001 }],
  ])('in %s takes the migration back, and says which reading of %s did it', async (phase, metric, limit) => {
    const name = `fails-in-${phase.toLowerCase()}`
    await begin(name, phase === 'Copying' ? { throttleQPS: 40 } : {})
    await inPhase(name, phase)
    await patch(name, { healthGates: limit })
    const status = await failed(name)
    expect(status?.halt).toMatchObject({ kind: 'Rollback', reason: 'GateFailed', reading: { metric, verdict: 'Fail' } })
    expect(condition(status, 'Ready')).toMatchObject({ status: 'False', reason: 'RolledBack' })
    const events = await kubectl.run(['-n', NAMESPACE, 'get', 'events.events.k8s.io', '-o', 'json'])
    expect(events).toContain(metric)
    await forget(name)
  })

  it('freezes where the spec says so, and goes on after a retry', async () => {
    await begin('freezes', { onGateFailure: 'Freeze' })
    await inPhase('freezes', 'DualWrite')
    await patch('freezes', { healthGates: { maxLatencyP95: 0.001 } })
    const frozen = await until<Migration>('a frozen migration', PHASE_MS, async () => {
      const migration = await fleet.readMigration('freezes')
      return condition(migration.status, 'Stalled')?.reason === 'Frozen' ? migration : migration.status?.message
    })
    expect(frozen.status?.phase).toBe('DualWrite')
    await patch('freezes', { healthGates: { maxLatencyP95: 1500 } })
    await fleet.annotate('freezes', 'abort')
    expect((await failed('freezes'))?.halt).toMatchObject({ kind: 'Abort' })
    await forget('freezes')
  })

  it('before anything moved means that nothing ever moves', async () => {
    await begin('never-starts', { healthGates: { maxLatencyP95: 0.001 }, progressDeadlineSeconds: 12 })
    const status = await failed('never-starts')
    expect(status?.halt?.reason).toBe('DeadlineExceeded')
    expect(status?.progress?.keysCopied).toBe(0)
    await forget('never-starts')
  })

  it('because a shard answers nothing takes the migration back once the shard answers again', async () => {
    await begin('errors', {
      soakSeconds: 90,
      gates: { windowSeconds: 5, intervalSeconds: 1, minSamples: 5, failures: 2, of: 3 },
    })
    await inPhase('errors', 'DualWrite')
    await signalPod(kubectl, NAMESPACE, SHARD, 'SIGSTOP')
    try {
      await until('a reading of errors', 2 * PHASE_MS, async () => {
        const { status } = await fleet.readMigration('errors')
        return status?.halt ?? status?.message
      })
    } finally {
      await signalPod(kubectl, NAMESPACE, SHARD, 'SIGCONT')
    }
    const { status } = await fleet.untilPhase('errors', ['Failed'], PHASE_MS)
    expect(status?.halt).toMatchObject({ kind: 'Rollback', reason: 'GateFailed' })
    await forget('errors')
  })
})

describe('a gate that sees nothing', () => {
  it('holds, and never passes, while a pod does not answer', async () => {
    await begin('holds', { soakSeconds: 8 })
    await inPhase('holds', 'DualWrite')
    await signalPod(kubectl, NAMESPACE, 'fractal-lba-1', 'SIGSTOP')
    try {
      const held = await until<Migration>('a gate without data', PHASE_MS, async () => {
        const migration = await fleet.readMigration('holds')
        const gate = condition(migration.status, 'GatePassed')
        return gate?.status === 'Unknown' ? migration : `${gate?.reason}`
      })
      expect(held.status?.phase).toBe('DualWrite')
    } finally {
      await signalPod(kubectl, NAMESPACE, 'fractal-lba-1', 'SIGCONT')
    }
    await inPhase('holds', 'Cutover')
    await fleet.annotate('holds', 'abort')
    await failed('holds')
    await forget('holds')
  })

  it('is refused where its metric does not exist', async () => {
    const migration = fleet.migration('unknown-gate', 1, 3, { healthGates: { maxLatencyP99: 5 } })
    await expect(kubectl.apply(migration)).rejects.toThrow(/maxLatencyP99/)
  })
})

it('after all of that, every acknowledged key has one outcome', async () => {
  expect((await fleet.audit(3)).findings).toEqual([])
})
