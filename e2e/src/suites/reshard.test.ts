/** A fleet is resharded 1 → 3 → 5 → 3 by three objects, under load through its Service, and the auditor believes nobody. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestFleet } from '../support/fleet.ts'
import { installOperator, openKubectl } from '../support/world.ts'

const kubectl = openKubectl()
const MIGRATION_MS = 900_000
const LOAD_PER_SECOND = 60

beforeAll(() => installOperator(kubectl))

describe.each(['redis', 'postgres'] as const)('a fleet on %s shards', (kind) => {
  let fleet: TestFleet

  beforeAll(async () => {
    fleet = await TestFleet.install(kubectl, { namespace: `e2e-reshard-${kind}`, kind, replicas: 3, shards: 1 })
  })
  afterAll(() => fleet?.remove())

  it(
    'goes from 1 shard to 3, to 5 and back to 3 while agents submit, and every acknowledged key has one outcome',
    async () => {
      const load = await fleet.startLoad(LOAD_PER_SECOND)
      await fleet.upgrade({ shards: 5 })
      for (const [name, from, to] of [
        ['one-to-three', 1, 3],
        ['three-to-five', 3, 5],
        ['five-to-three', 5, 3],
      ] as const) {
        await kubectl.apply(fleet.migration(name, from, to))
        const { status } = await fleet.untilPhase(name, ['Completed'], MIGRATION_MS)
        expect(status?.certificate?.keys).toBeGreaterThan(0)
      }
      const totals = await load.stop()
      expect(totals).toMatchObject({ refused: 0, unanswered: 0 })
      const { findings, checked } = await fleet.audit(5)
      expect(findings).toEqual([])
      expect(checked.acknowledgedKeys).toBeGreaterThan(500)
    },
    4 * MIGRATION_MS,
  )
})
