/**
 * The decisions that a pod won, by its log alone: each with the record that the shards were given then, made anew from the bytes of its
 * entry. The entry was examined and won before, so no tenant's key is needed to believe it.
 */
import { stat } from 'node:fs/promises'
import { parsePcs } from '@fractal-lba/protocol/pcs/parse'
import { judge } from '@fractal-lba/protocol/pcs/verdict'
import { dedupKey, slotOfKey } from '@fractal-lba/protocol/ring/slots'
import { SignedTexts } from '@fractal-lba/protocol/signing/renderings'
import type { Put } from '@fractal-lba/shards/port'
import { recordOf } from '../ingest/examine.ts'
import { NODE_FILES } from '../wal/node-files.ts'
import { type LogRecord, readLog } from '../wal/read.ts'
import { listSegments } from '../wal/segment.ts'

export interface Winner extends Put {
  readonly tenant: string
  readonly pcsId: string
}

export interface WinnersBatch {
  readonly winners: readonly Winner[]
  /** Bytes of the log that are read by now. */
  readonly bytesRead: number
}

type Entry = Extract<LogRecord, { kind: 'entry' }>

/**
 * Bytes of entries that are not settled are held meanwhile: what the pod itself has under way.
 * @throws BadRecoveryReport when the log is damaged; Error when there is none, or an entry that won can no longer be read.
 */
export async function* winnersOf(dir: string): AsyncGenerator<WinnersBatch> {
  const lengths = await segmentLengths(dir)
  if (lengths.size === 0) throw new Error(`${dir} holds no log of a verifier`)
  const open = new Map<string, Entry>()
  for await (const batch of readLog(dir)) {
    const winners: Winner[] = []
    for (const record of batch) {
      if (record.kind === 'entry') open.set(placeOf(record.position), record)
      else {
        for (const { position, result } of record.settlements) {
          const entry = open.get(placeOf(position))
          open.delete(placeOf(position))
          // Without its entry: that one's segment was deleted, which is done when nobody needs it any more.
          if (result === 'won' && entry) winners.push(winnerOf(entry, dir))
        }
      }
    }
    const last = batch.at(-1)
    if (last) yield { winners, bytesRead: bytesUpTo(lengths, last.position) }
  }
}

/** Of all segments of a log. */
export async function logBytes(dir: string): Promise<number> {
  return [...(await segmentLengths(dir)).values()].reduce((sum, bytes) => sum + bytes, 0)
}

function winnerOf(entry: Entry, dir: string): Winner {
  const { tenant, body, position, pod } = entry
  const parsed = parsePcs(body)
  const judgement = parsed.ok ? judge(parsed.pcs) : undefined
  if (!parsed.ok || judgement?.kind !== 'decided')
    throw new Error(
      `${dir} says that its entry ${placeOf(position)} won, but this version cannot decide on its bytes: use the version that wrote it`,
    )
  const { pcs } = parsed
  const key = dedupKey(tenant, pcs.pcs_id)
  const made = recordOf(entry, pod, judgement, new SignedTexts(pcs).canonical)
  return { tenant, pcsId: pcs.pcs_id, key, slot: slotOfKey(key), ...made }
}

const placeOf = ({ segment, offset }: { segment: number; offset: number }) => `${segment}:${offset}`

async function segmentLengths(dir: string): Promise<Map<number, number>> {
  const lengths = new Map<number, number>()
  for (const { segment, path } of await listSegments(dir, NODE_FILES)) lengths.set(segment, (await stat(path)).size)
  return lengths
}

function bytesUpTo(lengths: ReadonlyMap<number, number>, { segment, offset }: { segment: number; offset: number }): number {
  let bytes = offset
  for (const [other, length] of lengths) if (other < segment) bytes += length
  return bytes
}
