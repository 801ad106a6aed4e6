/** What follows from a decision about a claim, the same whether it came at once, in a retry or in a replay. */
import { contentHashOf } from '@fractal-lba/protocol/records/record'
import type { Outcome } from '../dedup/port.ts'
import type { Settlement } from '../wal/port.ts'
import type { Effects } from './effects.ts'
import type { Claim } from './examined.ts'

/** Runs what follows from a decision. @returns what to note behind the entry; with the record where the store is rebuilt from the log. */
export function settle(
  effects: Effects,
  tenant: string,
  position: Settlement['position'],
  claim: Claim,
  outcome: Exclude<Outcome, { kind: 'unavailable' }>,
  keepRecord: boolean,
): Settlement {
  if (outcome.kind === 'won') {
    effects.won(tenant, claim)
    return { position, result: 'won', key: claim.key, record: keepRecord ? claim.record : undefined }
  }
  const equivocation = !contentHashOf(outcome.record).equals(contentHashOf(claim.record))
  effects.lost(tenant, claim, position, equivocation)
  return { position, result: equivocation ? 'equivocation' : 'lost', key: claim.key, record: undefined }
}
