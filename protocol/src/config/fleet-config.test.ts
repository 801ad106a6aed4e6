import { describe, expect, it } from 'vitest'
import { toSlotId } from '../ring/slots.ts'
import { type FleetConfig, revisionOf } from './fleet-config.ts'

const CONFIG: FleetConfig = {
  shards: ['redis://a:1', 'redis://b:2'],
  slowdown: { slots: [toSlotId(1), toSlotId(2)], delayMs: 5 },
}

describe('revisionOf', () => {
  it('is the same for equal content, however it was built and whatever else came with it', () => {
    const slowdown = { delayMs: 5, slots: [toSlotId(1), toSlotId(2)] }
    expect(revisionOf({ slowdown, shards: ['redis://a:1', 'redis://b:2'] })).toBe(revisionOf(CONFIG))
    expect(revisionOf(Object.assign({ comment: 'x' }, CONFIG))).toBe(revisionOf(CONFIG))
    expect(revisionOf(JSON.parse(JSON.stringify(CONFIG)))).toBe(revisionOf(CONFIG))
  })

  it.each<[string, FleetConfig]>([
    ['another shard', { ...CONFIG, shards: ['redis://a:1'] }],
    ['another order of shards', { ...CONFIG, shards: ['redis://b:2', 'redis://a:1'] }],
    ['no slowdown', { shards: CONFIG.shards }],
    ['another slot', { ...CONFIG, slowdown: { slots: [toSlotId(1)], delayMs: 5 } }],
    ['another delay', { ...CONFIG, slowdown: { slots: [toSlotId(1), toSlotId(2)], delayMs: 6 } }],
  ])('is another for %s', (_name, config) => {
    expect(revisionOf(config)).not.toBe(revisionOf(CONFIG))
  })

  it('is 16 hex digits and stays what it is', () => {
    expect(revisionOf({ shards: ['redis://a:1'] })).toMatch(/^[0-9a-f]{16}$/)
  })
})
