import { describe, expect, it } from 'vitest'
import { syncedBytes } from './power-cut.ts'
import { FAULT_KINDS, type PlannedFault, schedule } from './schedule.ts'

function first(seed: number, count: number): PlannedFault[] {
  const planned = schedule({ seed, kinds: FAULT_KINDS, targets: 3, gapMs: 1000 })
  return Array.from({ length: count }, () => planned.next().value)
}

describe('a schedule of faults', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(first(7, 100)).toEqual(first(7, 100))
    expect(first(7, 100)).not.toEqual(first(8, 100))
  })

  it('has every kind before it has any twice', () => {
    expect(new Set(first(1, FAULT_KINDS.length).map(({ kind }) => kind))).toEqual(new Set(FAULT_KINDS))
  })
})

describe('what a trace says was synced', () => {
  it('is what was written before a sync began that came to its end', () => {
    const trace = [
      '10 write(7, ""..., 100) = 100',
      '10 fdatasync(7) = 0',
      '10 write(7, ""..., 50) = 50',
      '10 fdatasync(7) = -1 EIO (Input/output error) (INJECTED)',
      '10 write(7, ""..., 30) = 30',
    ]
    expect(syncedBytes(trace.join('\n'))).toBe(100)
  })

  it('leaves out what was written while another thread synced', () => {
    const trace = [
      '10 write(7, ""..., 100) = 100',
      '11 fdatasync(7 <unfinished ...>',
      '10 write(7, ""..., 50 <unfinished ...>',
      '10 <... write resumed>) = 50',
      '11 <... fdatasync resumed>) = 0',
      '10 write(7, ""..., 25) = 25',
      '11 fdatasync(7 <unfinished ...>',
    ]
    expect(syncedBytes(trace.join('\n'))).toBe(100)
  })
})
