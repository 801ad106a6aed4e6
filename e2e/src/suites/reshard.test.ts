/**
 * A fleet is resharded 1 → 3 → 5 → 3 by three objects, under load through its Service, and the auditor believes nobody. The operator
 * reaches one of the two fleets in the clear and the other with certificates.
 */

import { hasOpenssl } from '@fractal-lba/servers/certificates'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { callWithoutCertificate } from '../support/admin-tls.ts'
import { TestFleet } from '../support/fleet.ts'
import { installOperator, openKubectl } from '../support/world.ts'

const kubectl = openKubectl()
const MIGRATION_MS = 900_000
const LOAD_PER_SECOND = 60

beforeAll(() => installOperator(kubectl))

describe.each(['redis', 'postgres'] as const)('a fleet on %s shards', (kind) => {
  const adminTls = kind === 'postgres' && hasOpenssl
  let fleet: TestFleet

  beforeAll(async () => {
    fleet = await TestFleet.install(kubectl, { namespace: `e2e-reshard-${kind}`, kind, replicas: 3, shards: 1, adminTls })
  })
  afterAll(() => fleet?.remove())

  if (kind === 'postgres')
    it('has admin ports that answer nobody without a certificate', async ({ skip }) => {
      skip(!hasOpenssl, 'certificates are made by the openssl command, which is not in PATH')
      await expect(callWithoutCertificate(kubectl, fleet.namespace, 'fractal-lba-0')).rejects.toThrow(/alert|ECONNRESET/i)
    })

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
