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
  const open = new Set<string>()
  for await (const batch of readLog(dir)) {
    for (const record of batch) {
      pod = record.pod
      if (record.kind === 'entry') {
        open.add(`${record.position.segment}:${record.position.offset}`)
        const name = nameOfEntry(record.tenant, record.body)
        if (name) entries.add(name)
        continue
      }
      for (const { position, result, key, record: kept } of record.settlements) {
        open.delete(`${position.segment}:${position.offset}`)
        if (result === 'won' && key) won.push({ key: key.toString('hex'), ...position, record: kept })
      }
    }
  }
  if (pod === undefined) throw new Error(`${dir} holds no log of a verifier`)
  return { pod, won, entries, unsettled: open.size }
}

/** Undefined for bytes that are no summary: those were refused, and are in the log all the same. */
function nameOfEntry(tenant: string, body: Buffer): string | undefined {
  const parsed = parsePcs(body)
  if (!parsed.ok) return undefined
  return entryName(dedupKey(tenant, parsed.pcs.pcs_id).toString('hex'), contentHash(renderCanonical(parsed.pcs)).toString('hex'))
}
