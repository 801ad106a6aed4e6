/** Reads back the entries that recovery found unsettled, in log order, a batch at a time: neither they nor the log need fit in memory. */

import type { WalFiles } from './files.ts'
import { decodeEntry } from './format.ts'
import type { DurableEntry } from './port.ts'
import { SegmentReader } from './read-frames.ts'
import type { SegmentFile } from './segment.ts'

const BATCH_ENTRIES = 256

/** @param unsettled offsets of the entries wanted, by segment; complete, since segments are not written any more. */
export async function* readUnsettled(
  disk: WalFiles,
  files: readonly SegmentFile[],
  unsettled: ReadonlyMap<number, ReadonlySet<number>>,
): AsyncGenerator<readonly DurableEntry<undefined>[]> {
  let batch: DurableEntry<undefined>[] = []
  for (const { segment, path } of files) {
    const offsets = unsettled.get(segment)
    if (offsets === undefined) continue
    const reader = await SegmentReader.open(disk, path)
    for await (const frames of reader.frames()) {
      for (const frame of frames) {
        if (frame.kind !== 'entry' || !offsets.has(frame.offset)) continue
        const { tenant, body, receivedAtMs } = decodeEntry(frame.payload)
        batch.push({ tenant, body, receivedAtMs, context: undefined, position: { segment, offset: frame.offset } })
        if (batch.length < BATCH_ENTRIES) continue
        yield batch
        batch = []
      }
    }
  }
  if (batch.length > 0) yield batch
}
