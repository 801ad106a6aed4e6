/**
 * Checks a certificate against the shards of today: each slot is where the certificate says, under a generation no lower, and holds at
 * least what was certified. Slots that took writes since have grown, which is no fault; one that holds fewer records, or as many but
 * others, is.
 */
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import type { ShardId } from '@fractal-lba/shards/port'
import type { Controls } from '../observe.ts'
import { shortened } from '../phases/compare.ts'
import { EXPIRY_MARGIN_MS } from '../settings.ts'
import type { CertificateContent, CertifiedSlot } from './certificate.ts'

export interface CertificateFinding {
  readonly slot: number
  readonly problem: string
}

export interface CertificateCheck {
  readonly unchanged: number
  /** Slots that hold more records than were certified: they took writes. */
  readonly grown: number
  /** Slots that another migration has moved on since; nothing can be said of them here. */
  readonly movedOn: number
  readonly problems: readonly CertificateFinding[]
}

const GROUP_SLOTS = 64

export async function checkAgainstShards(content: CertificateContent, controls: Controls): Promise<CertificateCheck> {
  let unchanged = 0
  let grown = 0
  let movedOn = 0
  const problems: CertificateFinding[] = []
  for (const [target, slots] of Map.groupBy(content.slots, (slot) => slot.target)) {
    const control = controls.get(target as ShardId)
    if (!control) throw new Error(`the certificate speaks of shard ${target}: give its address too`)
    const rows = new Map((await control.describe()).slots.map((row) => [row.slot as number, row]))
    const here: CertifiedSlot[] = []
    for (const slot of slots) {
      const row = rows.get(slot.slot)
      if (row?.role === 'released' && row.generation > slot.generationAfter) movedOn++
      else if (row?.role !== 'owned') problems.push({ slot: slot.slot, problem: `${target} does not own it` })
      else if (row.generation < slot.generationAfter)
        problems.push({
          slot: slot.slot,
          problem: `${target} shows generation ${row.generation}, less than the certified ${slot.generationAfter}: it has lost state`,
        })
      else here.push(slot)
    }
    for (let at = 0; at < here.length; at += GROUP_SLOTS) {
      for (const { slot, change } of await changes(here.slice(at, at + GROUP_SLOTS))) {
        if (change === 'unchanged') unchanged++
        else if (change === 'grown') grown++
        else problems.push({ slot, problem: change })
      }
    }

    async function changes(group: readonly CertifiedSlot[]): Promise<{ slot: number; change: string }[]> {
      const digests = new Map<number, { count: number; digest: string }>()
      // Of the same records as then: those that live past the moment that the certificate looked to.
      for (const [atMs, same] of Map.groupBy(group, (slot) => slot.after.atMs)) {
        const ids = same.map(({ slot }) => slot as SlotId)
        for (const found of await control!.digest(ids, { aliveAtMs: atMs + EXPIRY_MARGIN_MS, withoutCaptured: undefined }))
          digests.set(found.slot, found)
      }
      return group.map(({ slot, after }) => ({ slot, change: compareThenAndNow(after, digests.get(slot)) }))
    }
  }
  return { unchanged, grown, movedOn, problems }
}

function compareThenAndNow(then: { count: number; digest: string }, now: { count: number; digest: string } | undefined): string {
  if (!now || now.count < then.count)
    return `holds ${now?.count ?? 0} records, ${then.count} were certified (records that have expired since count as gone)`
  if (now.count > then.count) return 'grown'
  return shortened(now.digest) === then.digest ? 'unchanged' : 'holds as many records as were certified, but others'
}
