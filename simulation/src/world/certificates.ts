/** A migration that says that it is complete has proved it: there is a certificate, which speaks of every slot that has moved. */
import { documentsOf } from '@fractal-lba/migration/document'
import type { Fleet } from './fleet.ts'

/** @throws Error naming the migration that has none. */
export function checkCertificates(fleet: Fleet): void {
  const kept = [...fleet.shards.values()].map(({ server }) => ({ migrations: server.migrations }))
  for (const { id, outcome, moves, certificate } of documentsOf(kept).values()) {
    if (outcome !== 'completed' || moves.length === 0) continue
    const moved = moves.reduce((sum, { slots }) => sum + slots.length, 0)
    if (certificate?.slots !== moved)
      throw new Error(`certificate: ${id} completed, and of its ${moved} slots ${certificate?.slots ?? 'none'} are certified`)
  }
}
