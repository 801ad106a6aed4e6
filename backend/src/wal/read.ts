/**
 * Reads a WAL_DIR without changing it, for whoever wants to know what happened: auditors and tests. Needs no lock, so it may look at the
 * log of a running pod; it then ends where that pod had got to. Damage is an error, never an early end: an audit must not say 'all is
 * well' about what it could not read.
 */
import type { WalFiles } from './files.ts'
import { decodeEntry, SHORTEST_HEADER_BYTES } from './format.ts'
import { NODE_FILES } from './node-files.ts'
import type { Settlement, WalPosition } from './port.ts'
import { type Frame, SegmentReader } from './read-frames.ts'
import { damaged, requireContiguous, requireWhole } from './recover.ts'
import { listSegments } from './segment.ts'
import { whyNotTorn } from './torn-tail.ts'

/** Everything in it is a copy that the reader may keep. */
export type LogRecord =
  | {
      readonly kind: 'entry'
      readonly pod: string
      readonly position: WalPosition
      readonly tenant: string
      readonly receivedAtMs: number
      readonly body: Buffer
    }
  | {
      readonly kind: 'settled'
      readonly pod: string
      readonly position: WalPosition
      readonly settlements: readonly Settlement[]
    }

/** All records of the log, in order, a batch at a time. @throws BadRecoveryReport */
export async function* readLog(dir: string, disk: WalFiles = NODE_FILES): AsyncGenerator<readonly LogRecord[]> {
  const files = await listSegments(dir, disk)
  requireContiguous(files)
  for (const [index, { path, segment }] of files.entries()) {
    const reader = await SegmentReader.open(disk, path)
    const { header } = reader
    try {
      if (typeof header !== 'string') await requireWhole(disk, files[index - 1], header.previousBytes)
    } catch (error) {
      await reader.close()
      throw error
    }
    const frames = reader.frames()
    for (;;) {
      const batch = await frames.next()
      if (!batch.done) {
        yield batch.value.map((frame) => toRecord(frame, typeof header === 'string' ? '' : header.pod, segment))
        continue
      }
      const end = batch.value
      if (end.kind === 'whole') break
      if (index < files.length - 1) throw damaged(path, end, 'later segments follow')
      const why = await whyNotTorn(
        disk,
        path,
        end,
        typeof header === 'string' ? undefined : header.checksum,
        SHORTEST_HEADER_BYTES,
      )
      if (why !== undefined) throw damaged(path, end, `it is not the end of an interrupted write: ${why}`)
      break
    }
  }
}

function toRecord(frame: Frame, pod: string, segment: number): LogRecord {
  const position = { segment, offset: frame.offset }
  if (frame.kind === 'entry') return { kind: 'entry', pod, position, ...decodeEntry(frame.payload) }
  const settlements = frame.settlements.map(({ position: of, result, key, record }) => ({
    position: of,
    result,
    key: key && Buffer.from(key),
    record: record && Buffer.from(record),
  }))
  return { kind: 'settled', pod, position, settlements }
}
