import type { ShardControl } from '@fractal-lba/shards/port'
import { expect, it } from 'vitest'
import type { Clock } from '../clock.ts'
import { memoryMigration } from '../testing/memory-migration.ts'
import { FleetLease } from './fleet-lease.ts'

it('leaves no lease behind when it is let go of while a renewal is under way', async () => {
  const { controls } = await memoryMigration()
  const inner = controls.get([...controls.keys()][0]!)!
  const { promise: due, resolve: renew } = Promise.withResolvers<void>()
  const { promise: underWay, resolve: begins } = Promise.withResolvers<void>()
  const { promise: arrives, resolve: arrive } = Promise.withResolvers<void>()
  let calls = 0
  // The second call for the lease is the renewal; it is on its way until it is let through.
  const slow: ShardControl = Object.assign(Object.create(inner), {
    acquireLease: async (lease: Parameters<ShardControl['acquireLease']>[0]) => {
      calls += 1
      if (calls > 1) {
        begins()
        await arrives
      }
      return inner.acquireLease(lease)
    },
    describe: () => inner.describe(),
    releaseLease: (generation: number) => inner.releaseLease(generation),
  })
  controls.set(inner.id, slow)
  const clock: Clock = { now: Date.now, sleep: () => due }
  const lease = await FleetLease.acquire(controls, { holder: 'first', ttlMs: 15_000, takeOver: false }, clock)
  renew()
  await underWay
  const released = lease.release()
  await new Promise((resolve) => setImmediate(resolve))
  arrive()
  await released
  for (const [id, control] of controls) {
    const { lease: left } = await control.describe()
    expect(left?.remainingMs ?? 0, `${id} is free`).toBeLessThanOrEqual(0)
  }
  expect(calls).toBe(2)
})
