/**
 * A fleet's own upgrades by `helm upgrade`, and revisions of a policy, under load: a good one is stepped through all pods, a bad one is taken
 * back by the operator alone, with the reading or the cause in status and events. Agents are answered all the while.
 */
import { join } from 'node:path'
import { programPath } from '@fractal-lba/servers/kubernetes/build'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Migration, TestFleet } from '../support/fleet.ts'
import type { Resource } from '../support/kubectl.ts'
import type { Load } from '../support/load.ts'
import { revisionsOf, untilAllServe, untilRollout } from '../support/rollout.ts'
import { run } from '../support/run-command.ts'
import { until } from '../support/until.ts'
import { checkout, installOperator, openKubectl } from '../support/world.ts'

const kubectl = openKubectl()
const NAMESPACE = 'e2e-upgrades'
const REPLICAS = 3
const LOAD_PER_SECOND = 60
const ROLLOUT_MS = 300_000
const POLICY_MS = 180_000
const SETTINGS = {
  'step-seconds': 2,
  'window-seconds': 4,
  'interval-seconds': 1,
  'ready-seconds': 60,
  'min-samples': 5,
  failures: 3,
  of: 4,
  'progress-deadline-seconds': 120,
  // Two cores carry everything here: what is slow only because a neighbour starts must not count.
  'max-latency-p95-millis': 1000,
  'canary-factor': 0,
}
const PLUGIN = join(checkout, 'kubectl-flk/dist')
/** Nothing listens there. */
const BAD_IMAGE = ['image.repository=127.0.0.1:1/fractal-lba', 'image.tag=no-such-tag']
/** A new pod gets its share of connections that are opened: within seconds here, since all else takes seconds. */
const SHORT_CONNECTIONS = { name: 'FLK_CONNECTION_AGE_MS', value: '3000' }
const withVariables = (...more: { readonly name: string; readonly value: string }[]): string =>
  `extraEnv=${JSON.stringify([SHORT_CONNECTIONS, ...more])}`
/** A verifier that is told what it does not know refuses to start. */
const BAD_VARIABLE = [withVariables({ name: 'FLK_NO_SUCH_VARIABLE', value: 'anything' })]
/** Each turn of its event loop takes a quarter of a second: it is ready, answers rightly, and is slow. */
const BUSY = '(function turn(){const end=Date.now()+250;while(Date.now()<end);setImmediate(turn)})()'
const SLOW = [
  withVariables({ name: 'NODE_OPTIONS', value: `--import=data:text/javascript;base64,${Buffer.from(BUSY).toString('base64')}` }),
  'rollout.settings.max-latency-p95-millis=500',
]
let fleet: TestFleet
let load: Load
/** The revision that failed before: its status is still there when the next one begins. */
let failed = ''

beforeAll(async () => {
  await run(process.execPath, ['kubectl-flk/src/build.ts'], { cwd: checkout })
  await installOperator(kubectl)
  const settings = [...Object.entries(SETTINGS).map(([name, value]) => `rollout.settings.${name}=${value}`), withVariables()]
  fleet = await TestFleet.install(kubectl, { namespace: NAMESPACE, kind: 'redis', replicas: REPLICAS, shards: 1, settings })
  load = await fleet.startLoad(LOAD_PER_SECOND)
}, 300_000)
afterAll(() => fleet?.remove())

/** Half of what agents send at the least: connections to pods that go are made anew. */
async function answeredDuring<T>(act: () => Promise<T>): Promise<T> {
  const before = load.totals.answered
  const startedMs = performance.now()
  const result = await act()
  const seconds = (performance.now() - startedMs) / 1000
  expect((load.totals.answered - before) / seconds).toBeGreaterThan(LOAD_PER_SECOND / 2)
  return result
}

const flk = (...args: string[]) =>
  run(programPath('kubectl'), ['flk', ...args, '-n', NAMESPACE], {
    env: { ...kubectl.env, PATH: `${PLUGIN}:${process.env.PATH}` },
    allowExitCodes: [0, 1],
  })

async function eventsAbout(kind: string, reason: string): Promise<string> {
  const events = await kubectl.list<Resource & { reason: string; note: string; regarding: { kind: string } }>('events', NAMESPACE)
  return events
    .filter((event) => event.regarding.kind === kind && event.reason === reason)
    .map(({ note }) => note)
    .join('\n')
}
const untilEvent = (kind: string, reason: string, says: RegExp) =>
  until(`an event ${reason} that says ${says}`, POLICY_MS, async () => {
    const notes = await eventsAbout(kind, reason)
    return says.test(notes) ? {} : notes
  })

describe('an upgrade of a fleet', () => {
  it('that is good is stepped through all pods, the last one announced', async () => {
    const before = await revisionsOf(fleet)
    const rollout = await answeredDuring(async () => {
      await fleet.upgrade({ settings: ['logLevel=warn'], wait: false })
      return await untilRollout(fleet, 'Completed', before.currentRevision, ROLLOUT_MS)
    })
    const actions = rollout.decisions.map(({ action }) => action)
    expect(actions.filter((action) => action === 'ApplyStep')).toHaveLength(REPLICAS)
    expect(actions).toContain('Announce')
    const { currentRevision } = await revisionsOf(fleet)
    expect(currentRevision).not.toBe(before.currentRevision)
    await untilAllServe(fleet, currentRevision, ROLLOUT_MS)
    expect(await flk('status', 'fleet/fractal-lba')).toMatch(/fleet\/fractal-lba +Completed +100 %/)
  }, 180_000)

  it.each([
    ['an image that does not exist', BAD_IMAGE, 'PodCannotStart', /ErrImagePull|ImagePullBackOff/],
    ['a variable that no verifier knows', BAD_VARIABLE, 'PodCrashLoops', /restarts|CrashLoopBackOff/],
  ] as const)(
    'to %s is taken back, and says why',
    async (_, settings, reason, says) => {
      const good = await revisionsOf(fleet)
      const rollout = await answeredDuring(async () => {
        await fleet.upgrade({ settings: ['logLevel=warn', ...settings], wait: false })
        const rolledBack = await untilRollout(fleet, 'RolledBack', failed, ROLLOUT_MS)
        await untilAllServe(fleet, good.currentRevision, ROLLOUT_MS)
        return rolledBack
      })
      failed = rollout.failedRevision ?? ''
      expect(rollout.halt).toMatchObject({ reason })
      expect(rollout.halt?.message).toMatch(says)
      // Of the template nothing was changed: it is git's, or Helm's.
      expect(await revisionsOf(fleet)).toMatchObject({
        currentRevision: good.currentRevision,
        updateRevision: failed,
      })
      await untilEvent('StatefulSet', reason, says)
      await untilEvent('StatefulSet', 'RolledBack', says)
      expect(await flk('status', 'fleet/fractal-lba')).toMatch(/fleet\/fractal-lba +RolledBack/)
      const why = await flk('why', 'fleet/fractal-lba')
      expect(why).toMatch(says)
      expect(why).toContain(reason)
    },
    240_000,
  )

  it('to a config that makes pods slow is taken back, with the reading that shows it', async () => {
    const good = await revisionsOf(fleet)
    await fleet.upgrade({ settings: ['logLevel=warn', ...SLOW], wait: false })
    const rollout = await untilRollout(fleet, 'RolledBack', failed, ROLLOUT_MS)
    await untilAllServe(fleet, good.currentRevision, ROLLOUT_MS)
    failed = rollout.failedRevision ?? ''
    // The canary's own, or the fleet's: one slow pod of few can pull all of it over the limit before its own samples are enough.
    expect(rollout.halt).toMatchObject({
      reason: 'GateFailed',
      reading: { metric: 'maxLatencyP95', verdict: 'Fail', threshold: 500 },
    })
    expect(await revisionsOf(fleet)).toMatchObject({ currentRevision: good.currentRevision, updateRevision: failed })
    await untilEvent('StatefulSet', 'GateFailed', /maxLatencyP95/)
    expect(await flk('why', 'fleet/fractal-lba')).toMatch(/maxLatencyP95.* Fail/)
  }, 300_000)

  it('that fails is forgotten once the template is the former one again', async () => {
    const { currentRevision } = await revisionsOf(fleet)
    await fleet.upgrade({ settings: ['logLevel=warn'], wait: false })
    await untilRollout(fleet, 'Idle', '', ROLLOUT_MS)
    await untilAllServe(fleet, currentRevision, ROLLOUT_MS)
    expect(await flk('status', 'fleet/fractal-lba')).toMatch(/fleet\/fractal-lba +Idle +100 %/)
  })
})

describe('a revision of a policy', () => {
  const tier = (backend: string, ttl: string) => ({ backend, ttl })
  const policy = (spec: object) => ({
    apiVersion: 'fractal.lba.io/v1',
    kind: 'TieringPolicy',
    metadata: { name: 'tiers', namespace: NAMESPACE },
    spec: {
      hotTier: tier('redis', '1h'),
      warmTier: tier('postgres', '7d'),
      coldTier: tier('s3', '90d'),
      healthGates: { maxLatencyP95: 1000, maxErrorRate: 2 },
      gates: { windowSeconds: 4, intervalSeconds: 1, minSamples: 5, failures: 3, of: 4 },
      steps: [30, 100],
      stepSeconds: 2,
      progressDeadlineSeconds: 60,
      ...spec,
    },
  })
  const untilPolicy = (what: string, holds: (status: NonNullable<Migration['status']>) => boolean) =>
    until<Migration>(what, POLICY_MS, async () => {
      const found = await kubectl.get<Migration>('tieringpolicies', NAMESPACE, 'tiers')
      return found.status && holds(found.status) ? found : `${found.status?.phase}: ${found.status?.message}`
    })

  it('whose gate real traffic breaks is taken back from the pods, with the reading', async () => {
    await kubectl.apply(policy({ healthGates: { maxLatencyP95: 0.001, maxErrorRate: 2 } }))
    const { status } = await untilPolicy('a policy that is rolled back', ({ phase }) => phase === 'RolledBack')
    expect(status?.halt).toMatchObject({
      kind: 'Rollback',
      reason: 'GateFailed',
      reading: { metric: 'maxLatencyP95', verdict: 'Fail' },
    })
    expect(status?.rollout).toMatchObject({ podsUpdated: 0, podsTotal: REPLICAS })
    await untilEvent('TieringPolicy', 'GateFailed', /maxLatencyP95/)
    expect(await flk('why', 'tierp/tiers')).toMatch(/maxLatencyP95.* Fail/)
  })

  it('that is good reaches all pods, and is not called ready while they cannot carry it out', async () => {
    await kubectl.apply(policy({}))
    const { status } = await untilPolicy('a policy on all pods', ({ conditions = [] }) =>
      conditions.some(({ type, reason }) => type === 'Ready' && reason === 'NotSupportedByFleet'),
    )
    expect(status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'False' })
    expect(status?.rollout).toMatchObject({ podsUpdated: REPLICAS, podsTotal: REPLICAS })
    expect(await flk('status', 'tierp/tiers')).toContain('tierp/tiers')
    await kubectl.run(['-n', NAMESPACE, 'delete', 'tieringpolicy', 'tiers', '--timeout=60s'])
  })
})

it('after all of that no agent was left without an answer, and every acknowledged key has one outcome', async () => {
  expect(await load.stop()).toMatchObject({ refused: 0, unanswered: 0 })
  expect((await fleet.audit(1)).findings).toEqual([])
})
