/** What people tell a migration while it runs, in each phase: approve, abort, pause, resume, retry, delete; and a plan that went stale. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Migration, TestFleet } from '../support/fleet.ts'
import { until } from '../support/until.ts'
import { installOperator, openKubectl } from '../support/world.ts'

const kubectl = openKubectl()
const NAMESPACE = 'e2e-verbs'
/** What was copied is deleted at the pace of the copy, and other suites share the machine. */
const PHASE_MS = 300_000
const LOAD_PER_SECOND = 60
const SLOW = { soakSeconds: 12, stepSeconds: 8, steps: [10, 100] }
let fleet: TestFleet

beforeAll(async () => {
  await installOperator(kubectl)
  fleet = await TestFleet.install(kubectl, { namespace: NAMESPACE, kind: 'redis', replicas: 2, shards: 1 })
  await fleet.startLoad(LOAD_PER_SECOND)
  await fleet.upgrade({ shards: 3 })
}, 300_000)
afterAll(() => fleet?.remove())
// What a failed test has left would make each one after it wait for its turn.
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') await kubectl.run(['-n', NAMESPACE, 'delete', 'shardmigration', '--all', '--timeout=180s'])
}, 200_000)

const begin = (name: string, to: number, spec: Record<string, unknown> = {}) =>
  kubectl.apply(fleet.migration(name, 1, to, { ...SLOW, ...spec }))
const seen = (name: string, what: string, holds: (status: NonNullable<Migration['status']>) => boolean) =>
  until<Migration>(`${name}: ${what}`, PHASE_MS, async () => {
    const migration = await fleet.readMigration(name)
    const { status } = migration
    return status && holds(status) ? migration : `${status?.phase}: ${status?.message}`
  })
const inPhase = (name: string, phase: string) => seen(name, phase, (status) => status.phase === phase)
const reasonIs = (name: string, type: string, reason: string) =>
  seen(
    name,
    `${type}=${reason}`,
    (status) => status.conditions?.some((one) => one.type === type && one.reason === reason) ?? false,
  )
const remove = (name: string) => kubectl.run(['-n', NAMESPACE, 'delete', 'shardmigration', name, '--timeout=120s'])
const slowCopy = (phase: string) => (phase === 'Copying' ? { throttleQPS: 40 } : {})
const PHASES = ['Copying', 'DualWrite', 'Cutover']

describe('a plan', () => {
  it('waits for the approval of its very hash, and is made again when the ring has changed', async () => {
    await begin('manual', 3, { approval: 'Manual' })
    const planned = await reasonIs('manual', 'PlanApproved', 'AwaitingApproval')
    const oldHash = planned.status?.planHash ?? ''
    await fleet.annotate('manual', 'approve', 'not-the-hash')
    await seen(
      'manual',
      'a refused approval',
      (status) => status.verbs?.some(({ verb, accepted }) => verb === 'approve' && !accepted) ?? false,
    )

    await begin('meanwhile', 2, { soakSeconds: 1, stepSeconds: 1 })
    await fleet.untilPhase('meanwhile', ['Completed'], PHASE_MS)
    // The sources of the waiting plan do not own everything any more.
    const stale = await seen(
      'manual',
      'a stale plan',
      (status) => status.planHash !== oldHash || /own slots already/.test(status.message ?? ''),
    )
    expect(stale.status?.phase).not.toBe('Copying')
    await remove('manual')
    await kubectl.apply(fleet.migration('back', 2, 1, { soakSeconds: 1, stepSeconds: 1 }))
    await fleet.untilPhase('back', ['Completed'], PHASE_MS)
  })

  it('goes ahead once it is approved', async () => {
    await begin('approved', 3, { approval: 'Manual' })
    const { status } = await reasonIs('approved', 'PlanApproved', 'AwaitingApproval')
    await fleet.annotate('approved', 'approve', status?.planHash)
    await inPhase('approved', 'DualWrite')
    await remove('approved')
  })
})

describe.each(PHASES)('in %s', (phase) => {
  const name = (verb: string) => `${verb}-in-${phase.toLowerCase()}`

  it('a pause holds it where it stands, a resume lets it go on, an abort takes it back', async () => {
    await begin(name('abort'), 3, slowCopy(phase))
    await inPhase(name('abort'), phase)
    await fleet.annotate(name('abort'), 'pause')
    const paused = await reasonIs(name('abort'), 'Paused', 'Paused')
    expect(paused.status?.phase).toBe(phase)
    // Gates go on being measured: of a step that has only begun there is nothing to say at first.
    await reasonIs(name('abort'), 'GatePassed', 'GatesPassed')
    await fleet.annotate(name('abort'), 'resume')
    await reasonIs(name('abort'), 'Paused', 'Resumed')
    await fleet.annotate(name('abort'), 'abort')
    const { status } = await fleet.untilPhase(name('abort'), ['Failed'], PHASE_MS)
    expect(status?.halt).toMatchObject({ kind: 'Abort' })
    await remove(name('abort'))
  })

  it('deleting it undoes it before it goes', async () => {
    await begin(name('delete'), 3, slowCopy(phase))
    await inPhase(name('delete'), phase)
    await remove(name('delete'))
  })
})

it('a failed migration that is retried completes', async () => {
  await begin('retried', 3, { soakSeconds: 3, stepSeconds: 2 })
  await inPhase('retried', 'DualWrite')
  await fleet.annotate('retried', 'abort')
  await fleet.untilPhase('retried', ['Failed'], PHASE_MS)
  await fleet.annotate('retried', 'retry')
  const { status } = await until<Migration>('the second attempt to complete', PHASE_MS, async () => {
    const migration = await fleet.readMigration('retried')
    return migration.status?.phase === 'Completed' ? migration : `${migration.status?.phase}: ${migration.status?.message}`
  })
  expect(status?.attempt).toBe(2)
})

it('one that is to be finished before it goes is finished', async () => {
  await kubectl.apply(fleet.migration('finish', 3, 1, { ...SLOW, deletionPolicy: 'Finish', soakSeconds: 4, stepSeconds: 3 }))
  await inPhase('finish', 'DualWrite')
  await remove('finish')
  const report = await fleet.audit(3)
  expect(report.findings).toEqual([])
})
