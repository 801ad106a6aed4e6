import type { MigrationId, ShardId } from '@fractal-lba/shards/port'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Certificate } from './certificate/certificate.ts'
import type { Intent } from './decide.ts'
import { MigrationEngine } from './engine.ts'
import type { Progress } from './progress.ts'
import { audit, LiveWriters } from './testing/live-writers.ts'
import { type Bed, type Kind, startBed } from './testing/shard-bed.ts'

const ALL_THE_WAY: Intent = { kind: 'run', upTo: 'cleaned', cutoverPercent: 100 }

async function reach(engine: MigrationEngine, intent: Intent): Promise<Progress> {
  for (;;) {
    const progress = await engine.step(intent, 1000)
    if (progress.blocked) throw new Error(progress.blocked.message)
    if (progress.reached) return progress
  }
}

describe.each<Kind>(['redis', 'postgres'])('a fleet on %s', (kind) => {
  let bed: Bed
  const certificates: Certificate[] = []
  beforeAll(async () => {
    bed = await startBed(kind, 5)
    await bed.found(1)
  })
  afterAll(() => bed?.close())

  function open(id: string, from: readonly ShardId[], to: readonly ShardId[]): Promise<MigrationEngine> {
    return MigrationEngine.open({
      controls: bed.controls(),
      spec: { id: id as MigrationId, from, to, vnodes: 150 },
      holder: `test-${id}-${Math.random()}`,
      settings: { soakMs: 100, settleMs: 100, switchSlots: 512 },
      onCertificate: async (certificate) => void certificates.push(certificate),
    })
  }

  it('goes from 1 to 3, to 5 and back to 3 shards while writers decide, and loses and doubles nothing', {
    timeout: 120_000,
  }, async () => {
    const writers = new LiveWriters(bed, 2, 10)
    const shapes = [
      [1, 3],
      [3, 5],
      [5, 3],
    ] as const
    for (const [from, to] of shapes) {
      const engine = await open(`m-${from}-${to}`, bed.ids(from), bed.ids(to))
      const progress = await reach(engine, ALL_THE_WAY)
      expect(progress).toMatchObject({ phase: 'Completed', cutoverPercent: 100, repaired: 0, backlog: { keys: 0 } })
      await engine.close()
    }
    await writers.stop()
    expect(await audit(bed, writers)).toEqual([])
    expect(writers.answers.size).toBeGreaterThan(1000)
    expect(certificates).toHaveLength(3)
    for (const { id, control } of bed.shards.slice(3)) {
      const { slots } = await control.describe()
      expect(
        slots.filter(({ role }) => role === 'owned'),
        `${id} owns nothing any more`,
      ).toEqual([])
    }
  })

  it('is as it was, plus every write since, after a rollback from each phase; and a repeated old cleanup harms nothing', {
    timeout: 120_000,
  }, async () => {
    const writers = new LiveWriters(bed, 2, 10)
    const controls = bed.controls()
    const everywhere = [
      ['copied', 0],
      ['cut-over', 20],
      ['certified', 100],
    ] as const
    // Each phase is the same code on both stores; what differs are the switch back and the discard.
    for (const [upTo, percent] of kind === 'redis' ? everywhere : everywhere.slice(1, 2)) {
      const engine = await open(`back-${upTo}`, bed.ids(3), bed.ids(4))
      await reach(engine, { kind: 'run', upTo, cutoverPercent: percent })
      const staleFence = { generation: engine.generation, migration: `back-${upTo}` as MigrationId }
      const back = await reach(engine, { kind: 'rollback' })
      expect(back).toMatchObject({ phase: 'RolledBack', cutoverPercent: 0, backlog: { keys: 0 } })
      for (const { id, control } of bed.shards) {
        const { slots } = await control.describe()
        const owned = slots.filter(({ role }) => role === 'owned').map(({ slot }) => slot)
        if (owned.length === 0) continue
        // The late cleanup of a migration that has gone back (the slots live here again).
        await expect(controls.get(id)!.discard(staleFence, owned.slice(0, 50), 1000)).rejects.toThrow(/refused discard/)
      }
      await engine.close()
    }
    await writers.stop()
    expect(await audit(bed, writers)).toEqual([])
  })

  // What holds a migration is the same code on both stores.
  if (kind !== 'redis') return
  it('holds where it is paused, keeps both sides in step meanwhile, and goes on', { timeout: 60_000 }, async () => {
    const writers = new LiveWriters(bed, 2, 5)
    const engine = await open('paused', bed.ids(3), bed.ids(4))
    await reach(engine, { kind: 'run', upTo: 'cut-over', cutoverPercent: 30 })
    const held = await reach(engine, { kind: 'pause' })
    await new Promise((resolve) => setTimeout(resolve, 300))
    const still = await reach(engine, { kind: 'pause' })
    expect(still.slotsByState).toEqual(held.slotsByState)
    expect(still.backlog.lagMs).toBeLessThan(2000)
    expect(still.reversible).toBe(true)
    expect(await reach(engine, ALL_THE_WAY)).toMatchObject({ phase: 'Completed' })
    await engine.close()
    await writers.stop()
    expect(await audit(bed, writers)).toEqual([])
  })
})
