import { describe, expect, it } from 'vitest'
import { SimulatedTraffic, WELL } from '../rollout/testing/simulated-traffic.ts'
import { checkReport } from './pod-report-check.ts'

/** As it comes over the wire. */
const report = (more: object = {}): unknown =>
  JSON.parse(JSON.stringify({ ...new SimulatedTraffic('pod-0', 1).reading(WELL, 2).report, ...more }))

describe('a pod’s report', () => {
  it('of an older version, without policies, capabilities and version, is as good as before', () => {
    const checked = checkReport('pod-0', report())
    expect(checked).toMatchObject({ pod: 'pod-0', ready: true })
    expect([checked.policies, checked.capabilities, checked.version]).toEqual([undefined, undefined, undefined])
  })

  it('of a newer version, with more than is known here, is taken', () => {
    const more = {
      policies: { revision: 'a', epoch: 3, since: 7 },
      capabilities: ['crr', 'time-travel'],
      version: '9.9',
      mood: 'good',
    }
    expect(checkReport('pod-0', report(more))).toMatchObject({ capabilities: ['crr', 'time-travel'], version: '9.9' })
  })

  it.each<[string, object, RegExp]>([
    ['policies without an epoch', { policies: { revision: 'a' } }, /policies/],
    ['capabilities that are no names', { capabilities: [1] }, /capabilities\.0/],
    ['more capabilities than anyone has', { capabilities: Array.from({ length: 101 }, () => 'x') }, /capabilities/],
    ['a counter that is missing', { requests: { total: 1 } }, /requests/],
    ['another pod’s name', { pod: 'pod-1' }, /says that it is "pod-1"/],
  ])('with %s is not used', (_what, more, says) => {
    expect(() => checkReport('pod-0', report(more))).toThrow(says)
  })
})
