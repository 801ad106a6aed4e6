import { describe, expect, it } from 'vitest'
import { isAnotherProcess } from './pod-processes.ts'
import type { Pod } from './resources.ts'

const pod = (
  container: object = {},
  rest: { uid?: string; podIP?: string; phase?: string; deletionTimestamp?: string } = {},
): Pod => ({
  metadata: {
    name: 'fleet-0',
    namespace: 'n',
    uid: rest.uid ?? 'uid-1',
    ...(rest.deletionTimestamp !== undefined && { deletionTimestamp: rest.deletionTimestamp }),
  },
  status: {
    phase: rest.phase ?? 'Running',
    podIP: rest.podIP ?? '10.0.0.1',
    containerStatuses: [{ name: 'verifier', ready: true, restartCount: 0, ...container }],
  },
})

describe('another process in a pod', () => {
  it.each<[string, Pod | undefined, Pod | undefined]>([
    ['a pod that comes', undefined, pod()],
    ['one that goes', pod(), undefined],
    ['one that is about to go', pod(), pod({}, { deletionTimestamp: '2026-01-01T00:00:00Z' })],
    ['another under its name', pod(), pod({}, { uid: 'uid-2' })],
    ['another address', pod(), pod({}, { podIP: '10.0.0.2' })],
    ['a restart', pod(), pod({ restartCount: 1 })],
    ['one that is ready now', pod({ ready: false }), pod()],
  ])('is %s', (_, before, now) => expect(isAnotherProcess({ key: 'n/fleet-0', old: before, new: now })).toBe(true))

  it('is not what only its phase speaks of', () =>
    expect(isAnotherProcess({ key: 'n/fleet-0', old: pod({}, { phase: 'Pending' }), new: pod() })).toBe(false))
})
