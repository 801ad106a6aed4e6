/**
 * Reads the write-ahead log of a verifier: which summaries are in it, what became of them, and which won. A log that is damaged or has
 * a gap is an error, not a short log.
 */
import { readLog } from '@fractal-lba/backend/wal/read'
import { parsePcs } from '@fractal-lba/protocol/pcs/parse'
import { dedupKey } from '@fractal-lba/protocol/ring/slots'
import { contentHash, renderCanonical } from '@fractal-lba/protocol/signing/renderings'
import { entryName, type PodLog, type WonEntry } from './evidence.ts'

/** @throws Error that names the file when a log cannot be read to its end, or there is none. */
export async function readPodLog(dir: string): Promise<PodLog> {
  let pod: string | undefined
  const won: WonEntry[] = []
  const entries = new Set<string>()
  /** Position -> content of entries that are not settled yet. */
  const open = new Map<string, string>()
  for await (const batch of readLog(dir)) {
    for (const record of batch) {
      pod = record.pod
      if (record.kind === 'entry') {
        const named = nameOfEntry(record.tenant, record.body)
        open.set(placeOf(record.position), named?.content ?? '')
        if (named) entries.add(entryName(named.key, named.content))
        continue
      }
      for (const { position, result, key, record: kept } of record.settlements) {
        const content = open.get(placeOf(position)) ?? ''
        open.delete(placeOf(position))
        if (result === 'won' && key) won.push({ key: key.toString('hex'), content, ...position, record: kept })
      }
    }
  }
  if (pod === undefined) throw new Error(`${dir} holds no log of a verifier`)
  return { pod, won, entries, unsettled: open.size }
}

const placeOf = ({ segment, offset }: { segment: number; offset: number }) => `${segment}:${offset}`

/** Undefined for bytes that are no summary: those were refused, and are in the log all the same. */
function nameOfEntry(tenant: string, body: Buffer): { key: string; content: string } | undefined {
  const parsed = parsePcs(body)
  if (!parsed.ok) return undefined
  return {
    key: dedupKey(tenant, parsed.pcs.pcs_id).toString('hex'),
    content: contentHash(renderCanonical(parsed.pcs)).toString('hex'),
  }
}
