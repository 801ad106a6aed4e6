/** Puts a history together: the journals of the load processes as they are, then what shards and logs say, then the end line. */
import { once } from 'node:events'
import { createReadStream, createWriteStream, type WriteStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Evidence } from '@fractal-lba/demo/audit/evidence'
import { isAccepted, isEscalated } from '@fractal-lba/protocol/pcs/reason'
import { decodeRecord, type Origin } from '@fractal-lba/protocol/records/record'
import { slotOfKey } from '@fractal-lba/protocol/ring/slots'
import type { EffectLine, EndLine, HeaderLine, RecordLine } from './lines.ts'

export async function writeHistory(
  file: string,
  header: Pick<HeaderLine, 'seed' | 'what'>,
  journalDir: string,
  evidence: Pick<Evidence, 'shards' | 'logs'>,
): Promise<void> {
  const out = createWriteStream(file)
  const failed = once(out, 'error').then(([error]) => Promise.reject(error as Error))
  // Looked at with each write.
  failed.catch(() => {})
  let lines = 0
  const write = async (text: string) => {
    lines++
    if (!out.write(`${text}\n`)) await Promise.race([once(out, 'drain'), failed])
  }
  await write(JSON.stringify({ t: 'history', version: 1, ...header } satisfies HeaderLine))
  for (const name of (await readdir(journalDir)).filter((each) => each.endsWith('.jsonl')).sort()) {
    const journal = createInterface({ input: createReadStream(join(journalDir, name)), crlfDelay: Number.POSITIVE_INFINITY })
    for await (const text of journal) await write(text)
  }
  for (const { pod, won } of evidence.logs)
    for (const { key, content, segment, offset } of won)
      await write(
        JSON.stringify({ t: 'effect', key, content, origin: originText({ pod, segment, offset }) } satisfies EffectLine),
      )
  for (const { name, owned, records } of evidence.shards)
    for (const [key, bytes] of records)
      if (owned.has(slotOfKey(Buffer.from(key, 'hex')))) await write(JSON.stringify(recordLine(key, name, bytes)))
  await write(JSON.stringify({ t: 'end', lines: lines + 1 } satisfies EndLine))
  await endOf(out)
}

/** A record that cannot be read is told as one about nothing that anybody sent, so that it cannot pass for a good one. */
function recordLine(key: string, shard: string, bytes: Buffer): RecordLine {
  try {
    const { verdict, reason, recomputedDHat, recomputedBudget, contentHash, origin, decidedAtMs, expiresAtMs } =
      decodeRecord(bytes)
    return {
      t: 'record',
      key,
      shard,
      content: contentHash.toString('hex'),
      dHat: recomputedDHat,
      budget: recomputedBudget,
      reason,
      accepted: isAccepted(verdict),
      escalated: isEscalated(verdict),
      decidedAtMs,
      expiresAtMs,
      origin: originText(origin),
    }
  } catch (error) {
    const unreadable = { dHat: 0, budget: 0, accepted: false, escalated: false, decidedAtMs: 0, expiresAtMs: 0, origin: '' }
    return { t: 'record', key, shard, content: '', reason: `unreadable: ${(error as Error).message}`, ...unreadable }
  }
}

function originText({ pod, segment, offset }: Origin): string {
  return `${pod} ${segment}:${offset}`
}

async function endOf(out: WriteStream): Promise<void> {
  out.end()
  await once(out, 'close')
}
