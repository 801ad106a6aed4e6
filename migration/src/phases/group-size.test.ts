import { expect, it } from 'vitest'
import { GroupSize } from './group-size.ts'

function afterCalls(kind: 'redis' | 'postgres', calls: number, ms: number): number {
  const size = new GroupSize(kind)
  for (let call = 0; call < calls; call++) size.took(ms)
  return size.slots
}

it.each([
  ['redis', 0, 16],
  ['redis', 1, 32],
  ['redis', 20, 256],
  ['postgres', 0, 32],
  ['postgres', 20, 1024],
] as const)('of %s: after %i calls that took no time it is %i', (kind, calls, slots) => {
  expect(afterCalls(kind, calls, 0)).toBe(slots)
})

it('stays where a call takes as long as it may', () => {
  const size = new GroupSize('redis')
  size.took(1)
  for (const ms of [4, 7, 10]) size.took(ms)
  expect(size.slots).toBe(32)
})

it('falls back while calls take long, and not below the least', () => {
  const size = new GroupSize('redis')
  for (let call = 0; call < 3; call++) size.took(1)
  size.took(11)
  expect(size.slots).toBe(64)
  for (let call = 0; call < 9; call++) size.took(1000)
  expect(size.slots).toBe(16)
})

it('lets PostgreSQL compute for longer than Redis, which serves nobody meanwhile', () => {
  expect(afterCalls('postgres', 3, 50)).toBeGreaterThan(afterCalls('redis', 3, 50))
})
