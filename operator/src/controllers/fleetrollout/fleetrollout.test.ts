import { describe, expect, it } from 'vitest'
import { HOLD } from './observed.ts'
import { parseRolloutStatus } from './status.ts'
import { type Behaviour, SimulatedStatefulSet, WELL } from './testing/statefulset.ts'

async function restingFleet(replicas = 3, annotations: Record<string, string> = {}): Promise<SimulatedStatefulSet> {
  const set = new SimulatedStatefulSet(replicas, annotations)
  await set.until(
    'the fleet rests',
    () => set.status?.phase === 'Idle' && set.partition === HOLD && set.podsOf('rev-a') === replicas,
  )
  await set.run(3)
  return set
}
const atStep = (set: SimulatedStatefulSet, step: number) => () => set.status?.target === step && set.status.watchedTarget === step
const phaseIs = (set: SimulatedStatefulSet, phase: string) => () => set.status?.phase === phase
const tookBack = (set: SimulatedStatefulSet) => () =>
  set.status?.phase === 'RolledBack' && set.podsOf(set.currentRevision) === set.replicas

describe('an upgrade of a fleet', () => {
  it('goes pod by pod from the highest ordinal, each step watched, and holds again only when the StatefulSet took it', async () => {
    const set = await restingFleet()
    set.changeTemplate('rev-b')
    for (const step of [1, 2]) {
      await set.until(`step ${step}`, atStep(set, step))
      expect(
        set.pods
          .filter((pod) => pod.revision === 'rev-b')
          .map((pod) => pod.ordinal)
          .sort(),
      ).toEqual([2, 1, 0].slice(0, step).sort())
      expect(set.currentRevision).toBe('rev-a')
      const since = set.nowMs
      await set.until('the next step', () => set.status?.target !== step)
      expect(set.nowMs - since).toBeGreaterThanOrEqual(4000)
    }
    expect(set.events.some((event) => event.startsWith('Normal PointOfNoReturn'))).toBe(true)
    await set.until('it is complete', phaseIs(set, 'Completed'))
    expect(set).toMatchObject({ currentRevision: 'rev-b', partition: HOLD })
    expect(set.podsOf('rev-b')).toBe(3)
    expect(set.status).toMatchObject({ revision: 'rev-b', updated: 3, steps: [1, 2, 3] })
  })

  it('announces the point of no return before it passes it, and can be aborted until then', async () => {
    const set = await restingFleet()
    set.changeTemplate('rev-b')
    await set.until('announced', () => set.status?.noReturnAnnouncedMs !== undefined)
    expect(set.podsOf('rev-b')).toBe(2)
    expect(set.partition).toBe(1)
    set.give('abort')
    await set.until('taken back', tookBack(set))
    expect(set.status).toMatchObject({ failedRevision: 'rev-b', halt: { reason: 'AbortRequested' } })
  })

  it('holds a fleet that has nothing to roll out, and lets it go when it is no longer managed', async () => {
    const set = await restingFleet()
    await set.run(30)
    expect(set).toMatchObject({ partition: HOLD })
    delete set.annotations['fractal.lba.io/managed-rollout']
    await set.run(2)
    expect(set).toMatchObject({ partition: 0, status: undefined })
    expect(set.events.at(-1)).toContain('ManagementReleased')
  })

  it('of a large fleet goes in quarters, and its last pod by itself', async () => {
    const set = await restingFleet(10)
    set.changeTemplate('rev-b')
    await set.until('it is complete', phaseIs(set, 'Completed'))
    expect(set.status?.steps).toEqual([1, 3, 5, 9, 10])
  })

  it('of a single pod is judged by its readiness, and says so', async () => {
    const set = await restingFleet(1)
    set.changeTemplate('rev-b')
    await set.until('it is complete', phaseIs(set, 'Completed'))
    expect(set.status?.message).toContain('judged by its readiness alone')
  })

  it('of a fleet that nobody uses goes on by readiness after a whole quiet window, and says so', async () => {
    const idle: Behaviour = { ...WELL, requestsPerSecond: 0 }
    const set = new SimulatedStatefulSet(3)
    set.behaviours.set('rev-a', idle)
    await set.until('rests', () => set.partition === HOLD)
    set.changeTemplate('rev-b', idle)
    await set.until('it is complete', phaseIs(set, 'Completed'))
    expect(set.status?.message).toContain('readiness alone was judged: 0 samples')
    expect(set.status?.decisions.some((decision) => decision.message.includes('readiness alone'))).toBe(true)
  })
})

describe('a revision that does harm', () => {
  const HARM: readonly (readonly [what: string, behaviour: Partial<Behaviour>, reason: string, reading: object | undefined])[] = [
    ['is slow', { latencyMs: 400 }, 'GateFailed', { metric: 'maxLatencyP95', verdict: 'Fail' }],
    [
      'is slower than the rest, within the limit',
      { latencyMs: 100 },
      'GateFailed',
      { subject: 'canary', metric: 'maxLatencyP95' },
    ],
    ['fails', { failedShare: 0.2 }, 'GateFailed', { metric: 'maxErrorRate', verdict: 'Fail' }],
    ['gets no request while others do', { requestsPerSecond: 0 }, 'DeadlineExceeded', { subject: 'canary', verdict: 'NoData' }],
    ['reports the same for ever', { report: 'frozen' }, 'DeadlineExceeded', { verdict: 'Error' }],
    ['does not answer the operator', { report: 'unreachable' }, 'DeadlineExceeded', { verdict: 'Error' }],
    ['counts backwards', { report: 'backwards' }, 'DeadlineExceeded', { verdict: 'Error' }],
    ['crashes again and again', { reason: 'CrashLoopBackOff' }, 'PodCrashLoops', undefined],
    ['is restarted too often', { restarts: 3 }, 'PodCrashLoops', undefined],
  ]
  const cases = [1, 2].flatMap((step) => HARM.map((harm) => [...harm, step] as const))

  it.each(cases)('%s: %o is taken back (%s, %o) at step %d', async (_what, behaviour, reason, reading, step) => {
    const set = await restingFleet()
    set.changeTemplate('rev-b')
    await set.until(`step ${step}`, atStep(set, step))
    set.behaviours.set('rev-b', { ...WELL, ...behaviour })
    await set.until('taken back', tookBack(set))
    expect(set).toMatchObject({ currentRevision: 'rev-a', partition: HOLD })
    expect(set.status).toMatchObject({ failedRevision: 'rev-b', halt: { reason, ...(reading && { reading }) } })
    expect(set.events.some((event) => event.startsWith(`Warning ${reason}:`))).toBe(true)
    const before = set.events.length
    await set.run(120)
    expect(set.podsOf('rev-a')).toBe(3)
    expect(set.events).toHaveLength(before)
  })

  it('is not lost in the traffic of a large fleet, although nothing compares it with the rest', async () => {
    // One slow pod of thirty is not in the fleet's p95.
    const set = await restingFleet(30, { 'fractal.lba.io/rollout-canary-factor': '0' })
    set.changeTemplate('rev-b', { ...WELL, latencyMs: 400 })
    await set.until('taken back', tookBack(set))
    expect(set.status).toMatchObject({
      target: 0,
      halt: { reason: 'GateFailed', reading: { subject: 'canary', metric: 'maxLatencyP95', verdict: 'Fail' } },
    })
  })

  it.each([
    ['Hold', 'RolledBack', 'DeadlineExceeded'],
    ['Fail', 'RolledBack', 'GateFailed'],
    ['Pass', 'Completed', undefined],
  ])('that gets too few requests to be judged, with on-no-data %s, ends %s (%s)', async (onNoData, phase, reason) => {
    const few: Behaviour = { ...WELL, requestsPerSecond: 2 }
    const set = new SimulatedStatefulSet(3, {
      'fractal.lba.io/rollout-on-no-data': onNoData,
      'fractal.lba.io/rollout-min-samples': '100',
    })
    set.behaviours.set('rev-a', few)
    await set.until('rests', () => set.partition === HOLD)
    await set.run(3)
    set.changeTemplate('rev-b', few)
    await set.until('its end', phaseIs(set, phase))
    expect(set.status?.halt?.reason).toBe(reason)
    if (phase === 'Completed') expect(set.status?.message).toMatch(/readiness alone was judged: \d+ samples, at least 100/)
  })

  const BROKEN: readonly (readonly [reason: string, expected: string, seconds: number])[] = [
    ['ImagePullBackOff', 'PodCannotStart', 35],
    ['ErrImagePull', 'PodCannotStart', 35],
    ['InvalidImageName', 'PodCannotStart', 5],
    ['CreateContainerConfigError', 'PodCannotStart', 35],
    ['Unschedulable', 'PodNotReady', 45],
  ]
  it.each(BROKEN)(
    'never becomes ready (%s): it is taken back as %s within %d s, with no other pod touched',
    async (reason, expected, seconds) => {
      const set = await restingFleet()
      const untouched = set.pods.filter((pod) => pod.ordinal < 2).map((pod) => pod.uid)
      const { readyAfterMs: _, ...never } = WELL
      set.changeTemplate('rev-b', { ...never, reason })
      await set.until('begun', () => set.podsOf('rev-b') === 1)
      await set.until('taken back', tookBack(set), seconds + 10)
      expect(set.status?.halt).toMatchObject({ reason: expected, message: expect.stringContaining(`${reason} of fleet-2`) })
      expect(set.pods.filter((pod) => pod.ordinal < 2).map((pod) => pod.uid)).toEqual(untouched)
    },
  )

  it('whose last pod does not become ready is taken back at the last step, too', async () => {
    const set = await restingFleet()
    set.changeTemplate('rev-b')
    await set.until('the last step', () => set.status?.target === 3)
    const { readyAfterMs: _, ...never } = WELL
    set.behaviours.set('rev-b', { ...never, reason: 'Error' })
    await set.until('taken back', tookBack(set))
    expect(set).toMatchObject({ currentRevision: 'rev-a', status: { halt: { reason: 'PodNotReady' } } })
  })

  it('is put back one pod after the other where its pods serve', async () => {
    const set = await restingFleet(4)
    set.changeTemplate('rev-b')
    await set.until('step 3', atStep(set, 3))
    set.behaviours.set('rev-b', { ...WELL, failedShare: 0.2 })
    await set.until('taken back', () => {
      const away = set.pods.filter((pod) => pod.terminatingSinceMs !== undefined || set.nowMs - pod.createdAtMs < 1000).length
      expect(away).toBeLessThanOrEqual(1)
      return tookBack(set)()
    })
  })

  it('is frozen where it stands when that is asked for, and goes on or back by a verb', async () => {
    for (const [verb, phase] of [
      ['retry', 'Completed'],
      ['abort', 'RolledBack'],
    ] as const) {
      const set = await restingFleet(3, { 'fractal.lba.io/rollout-on-gate-failure': 'Freeze' })
      set.changeTemplate('rev-b')
      await set.until('step 1', atStep(set, 1))
      set.behaviours.set('rev-b', { ...WELL, failedShare: 0.2 })
      await set.until('frozen', phaseIs(set, 'Frozen'))
      await set.run(60)
      expect(set).toMatchObject({ partition: 2, status: { phase: 'Frozen' } })
      set.behaviours.set('rev-b', WELL)
      set.give(verb)
      await set.until(phase, phaseIs(set, phase))
    }
  })

  it('is tried again by retry, and by another template, but not by itself', async () => {
    const set = await restingFleet()
    set.changeTemplate('rev-b', { ...WELL, failedShare: 0.5 })
    await set.until('taken back', tookBack(set))
    set.behaviours.set('rev-b', WELL)
    await set.run(60)
    expect(set.podsOf('rev-b')).toBe(0)
    set.give('retry', 'again')
    await set.until('complete', phaseIs(set, 'Completed'))
    expect(set.status?.verbs).toMatchObject([{ verb: 'retry', value: 'again', accepted: true, pending: false }])

    set.changeTemplate('rev-c', { ...WELL, failedShare: 0.5 })
    await set.until('taken back', tookBack(set))
    set.changeTemplate('rev-d')
    await set.until('complete', () => set.currentRevision === 'rev-d' && set.status?.phase === 'Completed')
    expect(set.status?.failedRevision).toBeUndefined()
  })
})

describe('a rollout that is disturbed', () => {
  it.each([1, 2])('goes on under a new operator, with and without the status, from step %d', async (step) => {
    for (const lost of [false, true]) {
      const set = await restingFleet()
      set.changeTemplate('rev-b')
      await set.until(`step ${step}`, atStep(set, step))
      set.restartOperator()
      if (lost) set.annotations['fractal.lba.io/rollout-status'] = '{"phase":"Nonsense"}'
      await set.run(1)
      expect(set.podsOf('rev-b')).toBe(step)
      await set.until('complete', phaseIs(set, 'Completed'))
    }
  })

  it('goes on being taken back under a new operator', async () => {
    const set = await restingFleet()
    set.changeTemplate('rev-b')
    await set.until('step 2', atStep(set, 2))
    set.behaviours.set('rev-b', { ...WELL, failedShare: 0.2 })
    await set.until('on the way back', phaseIs(set, 'RollingBack'))
    set.restartOperator()
    await set.until('taken back', tookBack(set))
  })

  it('by more replicas goes on from what runs the new revision then, and replaces no old pod for it', async () => {
    const set = await restingFleet(4)
    set.changeTemplate('rev-b')
    await set.until('step 1', atStep(set, 1))
    const old = set.pods.filter((pod) => pod.revision === 'rev-a').map((pod) => pod.uid)
    set.scale(6)
    await set.run(4)
    expect(set.pods.filter((pod) => pod.revision === 'rev-a').map((pod) => pod.uid)).toEqual(old)
    await set.until('complete', phaseIs(set, 'Completed'))
    expect(set).toMatchObject({ partition: HOLD, currentRevision: 'rev-b', status: { updated: 6 } })
  })

  it.each([3, 2, 1])('by fewer replicas (%d), which takes the new revision away, begins its steps again', async (replicas) => {
    const set = await restingFleet(6)
    set.changeTemplate('rev-b')
    await set.until('step 3', atStep(set, 3))
    set.scale(replicas)
    await set.until('step 1 again', () => set.status?.replicas === replicas && set.podsOf('rev-b') === 1)
    expect(set.status?.target).toBe(1)
    await set.until('complete', phaseIs(set, 'Completed'))
    expect(set).toMatchObject({ partition: HOLD, currentRevision: 'rev-b', status: { updated: replicas } })
  })

  it('by another template begins anew with it; by the former one puts the pods back', async () => {
    const set = await restingFleet()
    set.changeTemplate('rev-b')
    await set.until('step 2', atStep(set, 2))
    set.changeTemplate('rev-c')
    await set.until('step 1 of c', () => set.status?.revision === 'rev-c' && atStep(set, 1)())
    expect(set.podsOf('rev-a')).toBeGreaterThanOrEqual(1)
    set.changeTemplate('rev-a')
    await set.until('put back', () => set.podsOf('rev-a') === 3 && set.status?.phase === 'Idle')
    expect(set.events.some((event) => event.includes('TemplateChangedBack'))).toBe(true)
  })

  it('waits while paused, says when a paused rollout is judged badly, and goes on with resume', async () => {
    const set = await restingFleet()
    set.changeTemplate('rev-b')
    await set.until('step 1', atStep(set, 1))
    set.give('pause')
    await set.run(120)
    expect(set.status).toMatchObject({ phase: 'Progressing', reason: 'Paused', target: 1 })
    set.give('resume')
    await set.until('step 2', atStep(set, 2))
    set.give('pause')
    await set.run(5)
    set.behaviours.set('rev-b', { ...WELL, failedShare: 0.2 })
    await set.until('taken back', tookBack(set))
  })

  it('cures a fleet that was ill before: pods that were not ready are not held against it', async () => {
    const set = await restingFleet()
    const { readyAfterMs: _, ...never } = WELL
    set.behaviours.set('rev-a', { ...never, report: 'unreachable', requestsPerSecond: 0 })
    set.changeTemplate('rev-b')
    await set.until('complete', phaseIs(set, 'Completed'))
  })

  it.each([
    ['rollout-max-cpu', '3', 'there is no such setting'],
    ['rollout-max-error-rate-percent', '-1', 'must be a number from 0 to 100'],
    ['rollout-steps', '1, half', 'must be numbers of pods or percentages'],
    ['rollout-on-no-data', 'pass', 'must be one of Hold, Fail, Pass'],
    ['rollout-failures', '4', 'can never fail'],
    ['rollout-interval-seconds', '60', 'must be at most the window'],
  ])('does not begin while the annotation %s is %s', async (name, value, says) => {
    const set = await restingFleet()
    const key = `fractal.lba.io/${name}`
    const before = set.annotations[key]
    set.annotations[key] = value
    set.changeTemplate('rev-b')
    await set.run(60)
    expect(set.podsOf('rev-a')).toBe(3)
    expect(set.status).toMatchObject({ phase: 'Blocked', message: expect.stringContaining(says) })
    expect(set.events.filter((event) => event.includes('SettingsInvalid'))).toHaveLength(1)
    if (before === undefined) delete set.annotations[key]
    else set.annotations[key] = before
    await set.until('complete', phaseIs(set, 'Completed'))
  })

  it('refuses verbs that the phase does not allow, and echoes them', async () => {
    const set = await restingFleet()
    for (const verb of ['approve', 'abort', 'resume', 'retry'] as const) set.give(verb)
    await set.run(2)
    expect(set.status?.verbs.map(({ verb, accepted }) => [verb, accepted])).toEqual([
      ['approve', false],
      ['abort', false],
      ['resume', false],
      ['retry', false],
    ])
    expect(set.events.filter((event) => event.startsWith('Warning VerbNotAllowed'))).toHaveLength(4)
    expect(Object.keys(set.annotations).filter((name) => name.endsWith('/abort'))).toEqual([])
  })
})

describe('the status of a rollout', () => {
  it('keeps what was decided with its readings in at most 8 KiB', async () => {
    const set = await restingFleet(30)
    for (const revision of ['rev-b', 'rev-c', 'rev-d']) {
      set.changeTemplate(revision, { ...WELL, failedShare: 0.2 })
      await set.until('taken back', tookBack(set))
    }
    const text = set.annotations['fractal.lba.io/rollout-status'] ?? ''
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(8192)
    expect(set.status?.decisions.length).toBeGreaterThan(3)
    expect(set.status?.decisions.some((decision) => decision.reading?.metric === 'maxErrorRate')).toBe(true)
  })

  it.each(['', 'null', '[]', '{}', '{"phase":"Idle"}', 'x'.repeat(100_000)])(
    'that was not written by an operator is not believed: %s',
    (text) => {
      expect(parseRolloutStatus(text)).toBeUndefined()
    },
  )
})
