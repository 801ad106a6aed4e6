import { type ShardControl, ShardRefused, ShardUnavailable } from '@fractal-lba/shards/port'
import { expect, it } from 'vitest'
import type { Intent } from './decide.ts'
import type { MigrationEngine } from './engine.ts'
import { memoryMigration } from './testing/memory-migration.ts'

const upTo = (milestone: (Intent & { kind: 'run' })['upTo']): Intent => ({ kind: 'run', upTo: milestone, cutoverPercent: 100 })

async function reach(engine: MigrationEngine, intent: Intent): Promise<void> {
  for (;;) {
    const progress = await engine.step(intent, 1000)
    if (progress.blocked) throw new Error(progress.blocked.message)
    if (progress.reached) return
  }
}

/** Answers no discard until it is told to; then remembers the first, to carry it out once more. */
function discardingTwice(ours: ShardControl) {
  let answers = false
  let again: (() => Promise<unknown>) | undefined
  const discard: ShardControl['discard'] = async (...call) => {
    if (!answers) throw new ShardUnavailable(ours.id, 'connection lost')
    again ??= () => ours.discard(...call)
    return ours.discard(...call)
  }
  const control = new Proxy(ours, {
    get(target, name) {
      if (name === 'discard') return discard
      const member: unknown = Reflect.get(target, name)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
  return {
    control,
    answer: () => {
      answers = true
    },
    again: async () => again?.(),
  }
}

it('keeps what it has copied when a discard of what was there before arrives a second time', async () => {
  const migration = await memoryMigration()
  const { target, source, slot } = migration.moving
  const twice = discardingTwice(migration.controls.get(target) as ShardControl)
  const controls = new Map([...migration.controls, [target, twice.control]])
  const settings = { soakMs: 0, settleMs: 0, batchKeys: 3 }
  const engine = await migration.open({ controls, settings })
  await reach(engine, upTo('copied'))
  // On the way back nothing is captured any more; what was copied stays at the target.
  await expect(reach(engine, { kind: 'rollback' })).rejects.toThrow(ShardUnavailable)
  twice.answer()
  await reach(engine, upTo('verified'))
  await expect(twice.again()).rejects.toThrow(ShardRefused)
  const at = (shard: typeof source) => [...(migration.servers.get(shard)?.recordsOf(slot).keys() ?? [])].sort()
  expect(at(target)).toEqual(at(source))
  await reach(engine, upTo('certified'))
  await engine.close()
})

it('lets orders have their turn under a throttle, however large batches may be', async () => {
  const migration = await memoryMigration()
  const engine = await migration.open({ settings: { soakMs: 0, settleMs: 0, batchKeys: 1000, throttleQps: 20 } })
  let progress = await engine.step(upTo('copied'), 1)
  while (progress.keysCopied === 0) progress = await engine.step(upTo('copied'), 1)
  // A fraction of a second's worth, of each lane; all of it would be copied by steps that do not end before a whole batch is paid for.
  expect(progress.keysCopied).toBeLessThan((progress.totalKeys ?? 0) / 2)
  expect(progress.reached).toBe(false)
  await engine.close()
})
