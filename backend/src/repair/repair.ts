/**
 * Gives a shard back what it has forgotten: decisions that verifiers won and acknowledged, and that its owner has no record of now. Each is
 * put as any decision is, and the first write wins: where the key has been decided again meanwhile, that stands, and the two are named. So it
 * may run beside live verifiers and a migration, be stopped anywhere, and run again.
 */
import { contentHashOf, originOf, sameOrigin } from '@fractal-lba/protocol/records/record'
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import type { PutOutcome, ShardControl, ShardData } from '@fractal-lba/shards/port'
import type { Winner } from './winners.ts'

export type Finding =
  /** Its owner holds the winner's record, byte for byte. */
  | { readonly kind: 'present' }
  /** Was lost; `applied`: is there again. */
  | { readonly kind: 'lost'; readonly applied: boolean }
  /** Was lost, and another submission has won since: clients may have been told two things. */
  | { readonly kind: 'decided-again'; readonly by: string; readonly sameContent: boolean }
  /** The record of this very entry, with other bytes. */
  | { readonly kind: 'altered' }
  /** No shard owns the slot. */
  | { readonly kind: 'unowned' }
  /** Its time is over: nobody is owed it any more. */
  | { readonly kind: 'expired' }

export interface RepairShard {
  readonly control: Pick<ShardControl, 'id' | 'describe'>
  readonly data: Pick<ShardData, 'get' | 'put'>
}

export interface RepairParts {
  readonly shards: readonly RepairShard[]
  /** Look only. */
  readonly dryRun: boolean
  readonly wallClock: () => number
  readonly pause: (ms: number) => Promise<void>
}

const DEADLINE_MS = 30_000
/** A slot that is changing hands has no owner for milliseconds; one that has none for this long has none. */
const OWNER_TRIES = 50
const OWNER_PAUSE_MS = 100

export class Repair {
  readonly #parts: RepairParts
  #owners: ReadonlyMap<SlotId, RepairShard> | undefined

  constructor(parts: RepairParts) {
    this.#parts = parts
  }

  /** @returns in the order of the winners. @throws ShardUnavailable: run it again later. */
  async restore(winners: readonly Winner[]): Promise<Finding[]> {
    const findings = new Array<Finding>(winners.length)
    let open = winners.map((winner, index) => ({ winner, index }))
    for (let tries = 0; open.length > 0; tries++) {
      if (tries === OWNER_TRIES) {
        for (const { index } of open) findings[index] = { kind: 'unowned' }
        break
      }
      if (tries > 0) {
        await this.#parts.pause(OWNER_PAUSE_MS)
        this.#owners = undefined
      }
      this.#owners ??= await this.#readOwners()
      const owners = this.#owners
      const byShard = Map.groupBy(open, ({ winner }) => owners.get(winner.slot))
      open = byShard.get(undefined) ?? []
      for (const [shard, some] of byShard) {
        if (!shard) continue
        const found = await this.#restoreAt(
          shard,
          some.map(({ winner }) => winner),
        )
        for (const [i, finding] of found.entries()) {
          const each = some[i] as (typeof some)[number]
          if (finding) findings[each.index] = finding
          else open.push(each)
        }
      }
    }
    return findings
  }

  /** Undefined where the slot has another owner by now. */
  async #restoreAt({ data }: RepairShard, winners: readonly Winner[]): Promise<(Finding | undefined)[]> {
    const { wallClock, dryRun } = this.#parts
    const records = await data.get(
      winners.map(({ key }) => key),
      wallClock() + DEADLINE_MS,
    )
    const findings = winners.map((winner, i) => findingOf(winner, records[i], wallClock()))
    const lost = winners.flatMap((winner, i) => (findings[i]?.kind === 'lost' ? [{ winner, i }] : []))
    if (dryRun || lost.length === 0) return findings
    const { outcomes } = await data.put(
      lost.map(({ winner }) => winner),
      wallClock() + DEADLINE_MS,
    )
    const after: (Finding | undefined)[] = [...findings]
    for (const [n, { winner, i }] of lost.entries()) after[i] = findingAfter(winner, outcomes[n] as PutOutcome, wallClock())
    return after
  }

  async #readOwners(): Promise<Map<SlotId, RepairShard>> {
    const owners = new Map<SlotId, RepairShard>()
    const described = await Promise.all(this.#parts.shards.map(({ control }) => control.describe()))
    for (const [i, { slots }] of described.entries())
      for (const row of slots) if (row.role === 'owned') owners.set(row.slot, this.#parts.shards[i] as RepairShard)
    return owners
  }
}

function findingOf(winner: Winner, record: Buffer | undefined, nowMs: number): Finding {
  if (!record) return winner.expiresAtMs <= nowMs ? { kind: 'expired' } : { kind: 'lost', applied: false }
  if (record.equals(winner.record)) return { kind: 'present' }
  if (sameOrigin(record, winner.record)) return { kind: 'altered' }
  // A key may be decided anew once its first decision has expired.
  if (winner.expiresAtMs <= nowMs) return { kind: 'expired' }
  const { pod, segment, offset } = originOf(record)
  const sameContent = contentHashOf(record).equals(contentHashOf(winner.record))
  return { kind: 'decided-again', by: `${pod} ${segment}:${offset}`, sameContent }
}

function findingAfter(winner: Winner, outcome: PutOutcome, nowMs: number): Finding | undefined {
  if (outcome.kind === 'written') return { kind: 'lost', applied: true }
  return outcome.kind === 'exists' ? findingOf(winner, outcome.record, nowMs) : undefined
}
