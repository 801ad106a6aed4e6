import { type ConfigPush, revisionOf } from '@fractal-lba/protocol/config/fleet-config'
import type { PodReport } from '@fractal-lba/protocol/telemetry/pod-report'
import { describe, expect, it } from 'vitest'
import type { PodReading } from '../../fleet/port.ts'
import { differing, FleetConfigController } from './controller.ts'

const config = { shards: ['redis://a:1', 'redis://b:1'] }
const desired: ConfigPush = { generation: 7, revision: revisionOf(config), config }

const reading = (pod: string, configRevision: string, generation: number): PodReading => ({
  pod,
  report: { pod, configRevision, generation } as PodReport,
  error: undefined,
})
const silent = (pod: string): PodReading => ({ pod, report: undefined, error: 'ECONNREFUSED' })

describe('pods that do not run the desired config', () => {
  it.each<[string, PodReading, string[], string[]]>([
    ['one that runs it', reading('p', desired.revision, 7), [], []],
    ['one that came up with an older one', reading('p', 'older', 3), ['p'], []],
    ['one that was given another by the same leader', reading('p', 'other', 7), ['p'], []],
    ['one that has heard of a newer leader', reading('p', 'newer', 8), [], []],
    ['one that does not answer', silent('p'), [], ['p']],
  ])('%s', (_what, one, behind, unseen) => {
    expect(differing(desired, [one])).toEqual({ behind, unseen })
  })
})

describe('the controller', () => {
  const run = async (readings: readonly PodReading[], wanted: ConfigPush | undefined = desired) => {
    const pushed: string[] = []
    const controller = new FleetConfigController({
      fleetOf: () => ({
        desired: async () => wanted,
        read: async () => readings,
        pushTo: async (pods) => {
          pushed.push(...pods)
          return pods.map((pod) => ({ pod, kind: 'applied' }))
        },
      }),
      log: () => undefined,
    })
    const result = await controller.reconcile('fleet', new AbortController().signal)
    return { pushed, again: result.kind === 'requeue' }
  }

  it('gives it to those, and looks again until all run it', async () => {
    expect(await run([reading('a', 'older', 1), reading('b', desired.revision, 7)])).toEqual({ pushed: ['a'], again: true })
    expect(await run([silent('a')])).toEqual({ pushed: [], again: true })
    expect(await run([reading('b', desired.revision, 7)])).toEqual({ pushed: [], again: false })
  })

  it('leaves a fleet alone that nobody ever configured', async () => {
    const controller = new FleetConfigController({ fleetOf: () => undefined, log: () => undefined })
    expect(await controller.reconcile('fleet', new AbortController().signal)).toEqual({ kind: 'done' })
  })
})
