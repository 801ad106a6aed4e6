/**
 * What a migration has to remember beyond the slot rows: its plan, which way it is going, since when, and the digests from before.
 * A JSON document that is kept at every shard of the migration; the one with the highest revision counts, so a successor needs
 * the shards' addresses and nothing else.
 */
import { formatSlots, parseSlots } from '@fractal-lba/protocol/ring/slot-ranges'
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import type { MigrationId, ShardDescription, ShardId } from '@fractal-lba/shards/port'

export interface Move {
  readonly source: ShardId
  readonly target: ShardId
  /** Ascending. */
  readonly slots: readonly SlotId[]
}

export interface CutoverStep {
  /** Of the moving slots, rounded up to whole slots. */
  readonly percent: number
  readonly atMs: number
}

export interface CertificateSummary {
  readonly contentId: string
  readonly issuedAtMs: number
  readonly slots: number
  readonly keys: number
}

export interface MigrationDocument {
  readonly version: 1
  readonly id: MigrationId
  /** Rises with each write. */
  readonly revision: number
  readonly planHash: string
  readonly from: readonly ShardId[]
  readonly to: readonly ShardId[]
  readonly vnodes: number
  readonly moves: readonly Move[]
  readonly totalKeys: number
  readonly totalBytes: number
  readonly createdAtMs: number
  readonly direction: 'forward' | 'back'
  /** When everything was first seen copied; where the deadline to converge counts from. */
  readonly copiedAtMs: number | undefined
  /** When everything was first seen verified; where the soak counts from. */
  readonly verifiedAtMs: number | undefined
  readonly soakedAtMs: number | undefined
  readonly steps: readonly CutoverStep[]
  readonly cutOverAtMs: number | undefined
  /** See `proof-packing.ts`. */
  readonly proofs: string
  /** Keys that the comparison found missing at a target, and that were copied again. */
  readonly repaired: number
  readonly certificate: CertificateSummary | undefined
  /** The point of no return: written before the first reverse capture is switched off. */
  readonly cleanupAtMs: number | undefined
  readonly outcome: 'completed' | 'rolled-back' | undefined
  readonly endedAtMs: number | undefined
}

/** What a phase changes about the document. */
export type DocumentChange = Partial<
  Omit<MigrationDocument, 'version' | 'id' | 'revision' | 'planHash' | 'moves' | 'from' | 'to'>
>

export function changed(document: MigrationDocument, change: DocumentChange): MigrationDocument {
  return { ...document, ...change, revision: document.revision + 1 }
}

export function encodeDocument(document: MigrationDocument): string {
  return JSON.stringify({
    ...document,
    moves: document.moves.map((move) => ({ ...move, slots: formatSlots(move.slots) })),
  })
}

type Encoded = Omit<MigrationDocument, 'moves'> & {
  readonly moves: readonly { source: ShardId; target: ShardId; slots: string }[]
}

/** @throws Error when it was written by a version of this program that this one does not know. */
export function decodeDocument(text: string): MigrationDocument {
  const raw = JSON.parse(text) as Encoded
  if (raw.version !== 1) throw new Error(`a migration document of version ${raw.version} needs a newer dedup-migrate`)
  return { ...raw, moves: raw.moves.map((move) => ({ ...move, slots: parseSlots(move.slots) })) }
}

/** The newest version of each migration's document that any of the shards holds. */
export function documentsOf(descriptions: readonly Pick<ShardDescription, 'migrations'>[]): Map<MigrationId, MigrationDocument> {
  const newest = new Map<MigrationId, MigrationDocument>()
  for (const description of descriptions) {
    for (const [id, text] of description.migrations) {
      const document = decodeDocument(text)
      const known = newest.get(id)
      if (!known || document.revision > known.revision) newest.set(id, document)
    }
  }
  return newest
}

/** Migrations that are neither completed nor rolled back. */
export function unfinished(documents: Iterable<MigrationDocument>): MigrationDocument[] {
  return [...documents].filter((document) => document.outcome === undefined)
}
