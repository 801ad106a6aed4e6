import { checkPoliciesPush, NO_POLICIES, policiesRevisionOf } from '@fractal-lba/protocol/config/policies'
import { describe, expect, it } from 'vitest'
import { type Traffic, WELL } from '../../rollout/testing/simulated-traffic.ts'
import { CRR_POLICY, TIERING_POLICY } from './kinds.ts'
import { crrSpec, PolicyWorld, tieringSpec } from './testing/policy-world.ts'

const phase =
  (world: PolicyWorld, wanted: string, name = 'tiers') =>
  () =>
    world.tiering.status(name).phase === wanted
const revisionOf = (world: PolicyWorld): string => world.tiering.status('tiers').rollout?.revision ?? ''
/** The step is on its pods, and is watched. */
const atStep = (world: PolicyWorld, pods: number) => () => {
  const { rollout } = world.tiering.status('tiers')
  return rollout?.targetPods === pods && rollout.watchingSinceMs !== undefined && world.running(rollout.revision) === pods
}
const settledOn = (world: PolicyWorld, revision: string) => () => world.pods.every((pod) => pod.push.revision === revision)

async function worldAtStep(pods: number, step: number): Promise<PolicyWorld> {
  const world = new PolicyWorld(pods)
  world.tiering.apply('tiers', tieringSpec())
  await world.until(`step of ${step} pods`, atStep(world, step))
  return world
}

describe('a policy', () => {
  it('goes to one pod, to half of them and to all, each step watched, and then to those that start later', async () => {
    const world = new PolicyWorld(4)
    world.tiering.apply('tiers', tieringSpec())
    for (const step of [1, 2, 4]) {
      await world.until(`step of ${step} pods`, atStep(world, step))
      expect(world.kept).toBeUndefined()
      const since = world.nowMs
      await world.until('what comes after it', () => !atStep(world, step)() || world.kept !== undefined)
      expect(world.nowMs - since).toBeGreaterThanOrEqual(4000)
    }
    await world.until('ready', phase(world, 'Ready'))
    expect(world.kept).toMatchObject({ revision: revisionOf(world), epoch: 1 })
    expect(world.tiering.status('tiers')).toMatchObject({ active: true, progress: { percentage: 100 } })
    expect(world.tiering.condition('tiers', 'Ready')).toMatchObject({ status: 'True', reason: 'PolicyActive' })
    expect(world.tiering.condition('tiers', 'Reconciling')).toMatchObject({ status: 'False' })
    expect(world.tiering.condition('tiers', 'Stalled')).toMatchObject({ status: 'False' })

    world.addPod()
    await world.run(2)
    expect(world.running(revisionOf(world))).toBe(5)
  })

  it.each([
    ['none of the pods', [], 'crr', 'fleet-0 and 2 more'],
    ['none of the pods, of the other kind', ['crr'], 'tiering', 'fleet-0 and 2 more'],
  ] as const)(
    'that %s can carry out is given to them, and never called ready',
    async (_what, capabilities, capability, named) => {
      const world = new PolicyWorld(3, capabilities)
      const objects = capability === 'crr' ? world.crr : world.tiering
      if (capability === 'crr') world.crr.apply('policy', crrSpec())
      else world.tiering.apply('policy', tieringSpec())
      await world.until('given to all', () => world.kept !== undefined && settledOn(world, world.kept.revision)())
      await world.run(30)
      const detail = expect.stringContaining(`(${named} cannot "${capability}")`)
      expect(objects.condition('policy', 'Ready')).toMatchObject({
        status: 'False',
        reason: 'NotSupportedByFleet',
        message: detail,
      })
      expect(objects.condition('policy', 'Stalled')).toMatchObject({ status: 'True', reason: 'NotSupportedByFleet' })
      expect(objects.condition('policy', 'Reconciling')).toMatchObject({ status: 'False' })
      expect(objects.status('policy')).toMatchObject({ active: false, phase: 'Pending', progress: { percentage: 100 } })

      world.startAgain(world.pods.slice(1), ['crr', 'tiering'])
      await world.run(40)
      expect(objects.condition('policy', 'Ready')).toMatchObject({
        status: 'False',
        message: expect.stringContaining('(fleet-0 cannot'),
      })
      world.startAgain(world.pods, ['crr', 'tiering'])
      await world.run(40)
      expect(objects.condition('policy', 'Ready')).toMatchObject({ status: 'True' })
    },
  )

  it('is not given to a fleet of which a pod takes no policies at all', async () => {
    const world = new PolicyWorld(3)
    ;(world.pods[2] as (typeof world.pods)[number]).capabilities = undefined
    world.tiering.apply('tiers', tieringSpec())
    await world.run(60)
    expect(world.running(NO_POLICIES.revision)).toBe(3)
    expect(world.tiering.condition('tiers', 'Ready')).toMatchObject({
      reason: 'NotSupportedByFleet',
      message: expect.stringContaining('fleet-2'),
    })
  })

  it.each<['FleetNotFound' | 'FleetAmbiguous', string]>([
    ['FleetNotFound', 'False'],
    ['FleetAmbiguous', 'True'],
  ])('says %s where that is so (stalled: %s), and begins once there is a fleet', async (reason, stalled) => {
    const world = new PolicyWorld(2)
    world.found = { kind: 'missing', reason, message: 'x' }
    world.tiering.apply('tiers', tieringSpec())
    await world.run(5)
    expect(world.tiering.condition('tiers', 'Ready')).toMatchObject({ status: 'False', reason })
    expect(world.tiering.condition('tiers', 'Stalled')).toMatchObject({ status: stalled })
    world.found = { kind: 'found', fleet: world }
    await world.until('ready', phase(world, 'Ready'))
  })

  it('of a fleet that nobody uses is rolled out, and its gates are not said to have passed', async () => {
    const world = new PolicyWorld(2)
    world.behaviour = () => ({ ...WELL, requestsPerSecond: 0 })
    world.tiering.apply('tiers', tieringSpec())
    await world.until('ready', phase(world, 'Ready'))
    expect(world.tiering.condition('tiers', 'GatePassed')).toMatchObject({ status: 'Unknown', reason: 'GateNoData' })
  })
})

describe('a policy that does harm', () => {
  const HARM: readonly (readonly [what: string, harm: Partial<Traffic>, reason: string, reading: object])[] = [
    ['is slow', { latencyMs: 400 }, 'GateFailed', { metric: 'maxLatencyP95', verdict: 'Fail' }],
    ['makes pods slower than the rest', { latencyMs: 100 }, 'GateFailed', { subject: 'canary', metric: 'maxLatencyP95' }],
    ['makes submissions fail', { failedShare: 0.2 }, 'GateFailed', { metric: 'maxErrorRate', verdict: 'Fail' }],
    ['keeps requests away', { requestsPerSecond: 0 }, 'DeadlineExceeded', { subject: 'canary', verdict: 'NoData' }],
    ['freezes the reports', { report: 'frozen' }, 'DeadlineExceeded', { verdict: 'Error' }],
    ['makes counters fall', { report: 'backwards' }, 'DeadlineExceeded', { verdict: 'Error' }],
  ]
  /** On all pods there is no rest to compare with. */
  const relative = (reading: object) => 'subject' in reading
  const cases = [1, 2, 4].flatMap((step) =>
    HARM.filter(([, , , reading]) => step < 4 || !relative(reading)).map((harm) => [...harm, step] as const),
  )

  it.each(cases)('%s: %o is taken back (%s, %o) at the step of %d pods', async (_what, harm, reason, reading, step) => {
    const world = await worldAtStep(4, step)
    const harmful = revisionOf(world)
    world.behaviour = (pod) => (pod.push.revision === harmful ? { ...WELL, ...harm } : WELL)
    await world.until('taken back', phase(world, 'RolledBack'))
    expect(world.running(NO_POLICIES.revision)).toBe(4)
    expect(world.kept).toBeUndefined()
    expect(world.tiering.status('tiers')).toMatchObject({ active: false, halt: { kind: 'Rollback', reason, reading } })
    expect(world.tiering.condition('tiers', 'Ready')).toMatchObject({ status: 'False', reason: 'RevisionRolledBack' })
    expect(world.tiering.condition('tiers', 'Stalled')).toMatchObject({ status: 'True' })
    expect(world.events.some((event) => event.startsWith(`tiers: Warning ${reason}:`))).toBe(true)
    world.behaviour = () => WELL
    await world.run(120)
    expect(world.running(NO_POLICIES.revision)).toBe(4)
  })

  it.each([
    ['Hold', 'RolledBack', 'DeadlineExceeded'],
    ['Fail', 'RolledBack', 'GateFailed'],
    ['Pass', 'Ready', undefined],
  ] as const)('of too few requests to be judged, with onNoData %s, ends %s (%s)', async (onNoData, wanted, reason) => {
    const world = new PolicyWorld(3)
    world.behaviour = () => ({ ...WELL, requestsPerSecond: 2 })
    const gates = { windowSeconds: 4, intervalSeconds: 1, minSamples: 100, onNoData }
    world.tiering.apply('tiers', tieringSpec({ gates }))
    await world.until(wanted, phase(world, wanted))
    expect(world.tiering.status('tiers').halt?.reason).toBe(reason)
  })

  it('takes pods to the revision before, not to none, and is tried again by retry or another spec alone', async () => {
    const world = new PolicyWorld(3)
    world.tiering.apply('tiers', tieringSpec())
    await world.until('ready', phase(world, 'Ready'))
    const first = revisionOf(world)
    world.tiering.apply('tiers', tieringSpec({ costOptimization: true }))
    await world.until('the next', () => revisionOf(world) !== first && atStep(world, 1)())
    const second = revisionOf(world)
    world.behaviour = (pod) => (pod.push.revision === second ? { ...WELL, failedShare: 0.5 } : WELL)
    await world.until('taken back', phase(world, 'RolledBack'))
    expect(world.running(first)).toBe(3)
    world.behaviour = () => WELL
    world.tiering.give('tiers', 'retry', '1')
    await world.until('ready', phase(world, 'Ready'))
    expect(world.running(second)).toBe(3)

    world.tiering.apply('tiers', tieringSpec({ predictivePromotion: true }))
    await world.until('a third', atStep(world, 1))
    world.tiering.apply('tiers', tieringSpec({ predictivePromotion: true, demotionInterval: '1m' }))
    await world.until(
      'ready with the fourth',
      () => phase(world, 'Ready')() && world.kept?.policies.tiering?.demotionIntervalMs === 60_000,
    )
  })

  it('is frozen where it stands when the spec says so, and goes on or back by a verb', async () => {
    for (const [verb, wanted] of [
      ['retry', 'Ready'],
      ['abort', 'RolledBack'],
    ] as const) {
      const world = new PolicyWorld(4)
      world.tiering.apply('tiers', tieringSpec({ onGateFailure: 'Freeze' }))
      await world.until('step 1', atStep(world, 1))
      const revision = revisionOf(world)
      world.behaviour = (pod) => (pod.push.revision === revision ? { ...WELL, failedShare: 0.5 } : WELL)
      await world.until('frozen', () => world.tiering.condition('tiers', 'Ready')?.reason === 'Frozen')
      await world.run(60)
      expect(world.running(revision)).toBe(1)
      expect(world.tiering.condition('tiers', 'Stalled')).toMatchObject({ status: 'True', reason: 'Frozen' })
      world.behaviour = () => WELL
      world.tiering.give('tiers', verb)
      await world.until(wanted, phase(world, wanted))
    }
  })

  it('that a pod does not take in time is taken back, from that pod too once it answers', async () => {
    const world = await worldAtStep(4, 1)
    const down = world.pods[1] as (typeof world.pods)[number]
    down.down = true
    await world.until('taken back', phase(world, 'RolledBack'))
    expect(world.tiering.status('tiers').halt).toMatchObject({ reason: 'DeadlineExceeded' })
    expect(world.running(NO_POLICIES.revision)).toBe(4)
  })
})

describe('a plan', () => {
  it('waits for an approval that names it, and is stale when the spec changes', async () => {
    const world = new PolicyWorld(3)
    world.tiering.apply('tiers', tieringSpec({ approval: 'Manual' }))
    await world.run(20)
    expect(world.running(NO_POLICIES.revision)).toBe(3)
    const { plan, planHash } = world.tiering.status('tiers')
    expect(plan).toMatchObject({
      hash: planHash,
      pods: ['fleet-0', 'fleet-1', 'fleet-2'],
      steps: [1, 50, 100],
      blastRadiusPercent: 33,
    })
    expect(world.tiering.condition('tiers', 'Ready')).toMatchObject({ reason: 'AwaitingApproval' })
    world.tiering.give('tiers', 'approve', 'another')
    await world.run(5)
    expect(world.events.at(-1)).toContain('ApprovalMismatch')
    world.tiering.give('tiers', 'approve', planHash)
    world.tiering.apply('tiers', tieringSpec({ approval: 'Manual', costOptimization: true }))
    await world.run(20)
    expect(world.running(NO_POLICIES.revision)).toBe(3)
    const again = world.tiering.status('tiers').planHash
    expect(again).not.toBe(planHash)
    world.tiering.give('tiers', 'approve', again)
    await world.until('ready', phase(world, 'Ready'))
    expect(world.tiering.status('tiers').verbs).toMatchObject([{ verb: 'approve', value: again, accepted: true, pending: false }])
  })

  it('is all that a dry run makes', async () => {
    const world = new PolicyWorld(3)
    world.tiering.apply('tiers', tieringSpec({ dryRun: true }))
    await world.run(60)
    expect(world.running(NO_POLICIES.revision)).toBe(3)
    expect(world.tiering.condition('tiers', 'Ready')).toMatchObject({ reason: 'DryRunComplete' })
    expect(world.tiering.status('tiers').active).toBe(false)
  })
})

describe('several policies', () => {
  it('of one kind for one fleet: the first stays, the second is refused by name, and takes over when the first is gone', async () => {
    const world = new PolicyWorld(2)
    world.tiering.apply('tiers', tieringSpec())
    world.tiering.apply('tiers-2', tieringSpec({ costOptimization: true }))
    await world.until('ready', phase(world, 'Ready'))
    await world.run(30)
    expect(world.tiering.condition('tiers-2', 'Ready')).toMatchObject({
      status: 'False',
      reason: 'PolicyConflict',
      message: expect.stringContaining('(tiers)'),
    })
    expect(world.tiering.condition('tiers-2', 'Stalled')).toMatchObject({ status: 'True' })
    expect(world.kept?.policies.tiering?.costOptimization).toBe(false)
    world.tiering.delete('tiers')
    await world.until('the second is ready', phase(world, 'Ready', 'tiers-2'))
    expect(world.kept?.policies.tiering?.costOptimization).toBe(true)
  })

  it('of both kinds are rolled out one after the other, and pods run both', async () => {
    const world = new PolicyWorld(4)
    world.tiering.apply('tiers', tieringSpec())
    await world.until('step 1', atStep(world, 1))
    world.crr.apply('regions', crrSpec())
    await world.run(3)
    expect(world.crr.condition('regions', 'Ready')).toMatchObject({
      status: 'False',
      reason: 'WaitingForOtherPolicy',
      message: expect.stringContaining('tiers'),
    })
    let most = 0
    await world.until('both ready', () => {
      // Whoever looks at the fleet meanwhile leaves the other's step alone.
      world.wake()
      const { rollout } = world.crr.status('regions')
      const reached = rollout ? world.running(rollout.revision) : 0
      expect(reached).toBeGreaterThanOrEqual(most)
      most = reached
      return phase(world, 'Ready')() && world.crr.status('regions').phase === 'Ready'
    })
    expect(Object.keys(world.kept?.policies ?? {}).sort()).toEqual(['crr', 'tiering'])
    expect(settledOn(world, world.kept?.revision ?? '')()).toBe(true)
    await world.run(30)
    expect(world.tiering.condition('tiers', 'Ready')).toMatchObject({ status: 'True' })
  })

  it('of both kinds, where the second does harm: the first is kept', async () => {
    const world = new PolicyWorld(4)
    world.tiering.apply('tiers', tieringSpec())
    await world.until('ready', phase(world, 'Ready'))
    const good = world.kept?.revision
    world.behaviour = (pod) => (pod.push.policies.crr ? { ...WELL, failedShare: 0.5 } : WELL)
    world.crr.apply('regions', crrSpec())
    await world.until('taken back', () => world.crr.status('regions').phase === 'RolledBack')
    expect(world.running(good)).toBe(4)
    expect(world.tiering.condition('tiers', 'Ready')).toMatchObject({ status: 'True' })
  })
})

describe('a policy that is deleted', () => {
  it('is out of the pods, and of what new pods get, before the object goes; the other kind stays', async () => {
    const world = new PolicyWorld(3)
    world.tiering.apply('tiers', tieringSpec())
    world.crr.apply('regions', crrSpec())
    await world.until('both ready', () => phase(world, 'Ready')() && world.crr.status('regions').phase === 'Ready')
    world.tiering.delete('tiers')
    await world.until('gone', () => {
      const gone = !world.tiering.has('tiers')
      if (gone) expect(world.pods.every((pod) => pod.push.policies.tiering === undefined)).toBe(true)
      return gone
    })
    expect(Object.keys(world.kept?.policies ?? {})).toEqual(['crr'])
    await world.run(5)
    expect(world.crr.condition('regions', 'Ready')).toMatchObject({ status: 'True' })
  })

  it.each([
    ['Abort', 1, false],
    ['Finish', 3, false],
    ['Orphan', 1, true],
  ] as const)(
    'in mid-rollout by deletionPolicy %s reaches %d pods at most, and leaves something there: %s',
    async (deletionPolicy, most, left) => {
      const world = new PolicyWorld(3)
      world.tiering.apply('tiers', tieringSpec({ deletionPolicy }))
      await world.until('step 1', atStep(world, 1))
      world.tiering.give('tiers', 'pause')
      await world.run(2)
      world.tiering.delete('tiers')
      const withPolicy = () => world.pods.filter((pod) => pod.push.policies.tiering).length
      let reached = withPolicy()
      await world.until('gone', () => {
        reached = Math.max(reached, withPolicy())
        return !world.tiering.has('tiers')
      })
      expect(reached).toBe(most)
      expect(world.pods.some((pod) => pod.push.policies.tiering !== undefined)).toBe(left)
    },
  )

  it('stays while the fleet cannot be looked at, and goes at once where there is none', async () => {
    const world = new PolicyWorld(3)
    world.tiering.apply('tiers', tieringSpec())
    await world.until('ready', phase(world, 'Ready'))
    world.read = () => Promise.reject(new Error('no admin token'))
    world.tiering.delete('tiers')
    await world.run(30)
    expect(world.tiering.status('tiers').message).toContain('no admin token')
    world.found = { kind: 'missing', reason: 'FleetNotFound', message: 'x' }
    await world.until('gone', () => !world.tiering.has('tiers'))
  })
})

describe('a new leader', () => {
  it.each([1, 2, 4])('goes on from the step of %d pods, and pods refuse the old one from then on', async (step) => {
    const world = await worldAtStep(4, step)
    const revision = revisionOf(world)
    world.takeOver()
    await world.run(2)
    expect(world.pods.every((pod) => pod.push.epoch === 2)).toBe(true)
    expect(world.running(revision)).toBeGreaterThanOrEqual(step)
    await world.until('ready', phase(world, 'Ready'))

    world.leaderEpoch = 1
    world.tiering.apply('tiers', tieringSpec({ costOptimization: true }))
    await world.run(30)
    expect(world.pods.every((pod) => pod.push.epoch === 2 && pod.push.revision === revision)).toBe(true)
    expect(world.tiering.condition('tiers', 'Ready')).toMatchObject({ reason: 'Fenced' })
  })

  it('goes on taking back', async () => {
    const world = await worldAtStep(4, 2)
    const revision = revisionOf(world)
    ;(world.pods[0] as (typeof world.pods)[number]).down = true
    world.behaviour = (pod) => (pod.push.revision === revision && !pod.down ? { ...WELL, failedShare: 0.5 } : WELL)
    await world.until(
      'on the way back',
      () => world.tiering.status('tiers').rollout?.reverting === true || phase(world, 'RolledBack')(),
    )
    world.takeOver()
    await world.run(5)
    for (const pod of world.pods) pod.down = false
    await world.until('taken back', settledOn(world, NO_POLICIES.revision))
  })
})

describe('a spec that cannot be used', () => {
  it('changes nothing, and says which field', async () => {
    const world = new PolicyWorld(2)
    world.tiering.apply('tiers', undefined, [{ field: 'spec.hotTier.ttl', message: 'must be a duration' }])
    await world.run(5)
    expect(world.tiering.status('tiers')).toMatchObject({ phase: 'Failed', specProblems: 'spec.hotTier.ttl: must be a duration' })
    expect(world.tiering.condition('tiers', 'Stalled')).toMatchObject({ status: 'True', reason: 'SpecInvalid' })
    world.tiering.apply('tiers', tieringSpec())
    await world.until('ready', phase(world, 'Ready'))
    world.tiering.apply('tiers', undefined, [{ field: 'spec.x', message: 'is not known' }])
    await world.run(5)
    expect(world.tiering.status('tiers')).toMatchObject({
      phase: 'Ready',
      message: expect.stringContaining('spec.x: is not known'),
    })
  })
})

describe('what pods are told', () => {
  it('of each kind is what they accept, with every default', () => {
    const both = TIERING_POLICY.withSpec(
      CRR_POLICY.withSpec({}, crrSpec({ replicationMode: 'selective', tenantSelector: { include: ['a'] } })),
      tieringSpec(),
    )
    expect(checkPoliciesPush({ epoch: 1, revision: policiesRevisionOf(both), policies: both })).toMatchObject({ ok: true })
    expect(both).toMatchObject({
      crr: { shipIntervalMs: 30_000, tenantSelector: { include: ['a'], exclude: [], matchLabels: {} } },
      tiering: {
        hotTier: { ttlMs: 3_600_000, targetLatencyP95Ms: 5 },
        coldTier: { ttlMs: 7_776_000_000 },
        demotionIntervalMs: 300_000,
      },
    })
  })
})
