import { expect, it } from 'vitest'
import { EpochGuard } from './epoch-guard.ts'

it('believes replies that arrive in another order than they were made', () => {
  const guard = new EpochGuard()
  const sentBoth = guard.highest
  expect(guard.accept(6, sentBoth)).toBe(true)
  expect(guard.accept(5, sentBoth)).toBe(true)
  expect(guard.highest).toBe(6)
})

it('believes nothing from a shard that shows an older epoch than before the call, until someone acknowledges it', () => {
  const guard = new EpochGuard()
  guard.accept(6, 0)
  expect(guard.accept(4, guard.highest)).toBe(false)
  expect(guard.accept(7, guard.highest)).toBe(false)
  guard.acknowledge()
  expect(guard.accept(4, guard.highest)).toBe(true)
})
