import type { MigrationId, ShardControl, ShardId } from '@fractal-lba/shards/port'
import { ShardUnavailable } from '@fractal-lba/shards/port'
import { expect, it } from 'vitest'
import { SYSTEM_CLOCK } from './clock.ts'
import { documentsOf, type MigrationDocument } from './document.ts'
import { FleetLease } from './lease/fleet-lease.ts'
import { Ledger } from './ledger.ts'
import { describeAll } from './observe.ts'
import { memoryMigration } from './testing/memory-migration.ts'

const ID = 'm' as MigrationId

/** Loses, from when it is told, what is written to a shard, and can deliver it later. */
function losing(ours: ShardControl): {
  control: ShardControl
  lose(how: 'request' | 'reply' | undefined): void
  late: () => Promise<void>
} {
  let how: 'request' | 'reply' | undefined
  let late = async () => {}
  const putMigration: ShardControl['putMigration'] = async (fence, document) => {
    if (how === undefined) return ours.putMigration(fence, document)
    late = () => ours.putMigration(fence, document)
    if (how === 'reply') await ours.putMigration(fence, document)
    throw new ShardUnavailable(ours.id, 'connection lost')
  }
  const control = new Proxy(ours, {
    get: (target, name) => {
      if (name === 'putMigration') return putMigration
      const member: unknown = Reflect.get(target, name)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
  return { control, lose: (next) => (how = next), late: () => late() }
}

async function ledgerOverThree() {
  const { controls } = await memoryMigration()
  const lossy = losing(controls.get('a:1' as ShardId)!)
  const all = new Map([...controls, ['a:1' as ShardId, lossy.control]])
  const lease = await FleetLease.acquire(all, { holder: 'me', ttlMs: 60_000, takeOver: true }, SYSTEM_CLOCK)
  const ledger = new Ledger(all, lease)
  await ledger.create({ version: 1, id: ID, revision: 1, moves: [], repaired: 0 } as unknown as MigrationDocument)
  const newest = async () => documentsOf(await describeAll(controls)).get(ID)!
  return { lease, ledger, lossy, newest }
}

it('makes no second document of a revision that a shard may have: a late call would bring the first one back', async () => {
  const { lease, ledger, lossy, newest } = await ledgerOverThree()
  lossy.lose('request')
  const lost = ledger.update(() => ({ repaired: 1 }))
  const behindIt = ledger.update(() => ({ proofs: 'of the other pair' }))
  await expect(lost).rejects.toThrow(ShardUnavailable)
  await expect(behindIt).rejects.toThrow(ShardUnavailable)
  lossy.lose(undefined)
  await lease.raise()
  ledger.fenced()
  ledger.seen(await newest())
  await ledger.update(() => ({ proofs: 'of the other pair' }))
  await expect(lossy.late()).rejects.toThrow(/a newer operator/)
  expect(await newest()).toMatchObject({ revision: 3, repaired: 1, proofs: 'of the other pair' })
  await lease.release()
})

it('goes on from what a write left at some of the shards', async () => {
  const { lease, ledger, lossy, newest } = await ledgerOverThree()
  lossy.lose('reply')
  await expect(ledger.update(() => ({ repaired: 7 }))).rejects.toThrow(ShardUnavailable)
  lossy.lose(undefined)
  await lease.raise()
  ledger.fenced()
  ledger.seen(await newest())
  await ledger.update(({ repaired }) => ({ repaired: repaired + 1 }))
  expect(await newest()).toMatchObject({ revision: 3, repaired: 8 })
  await lease.release()
})
