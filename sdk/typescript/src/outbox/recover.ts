/**
 * What an outbox file says after a crash: which entries wait for an answer. A torn tail, the last frame of a write that did not
 * finish, is cut: its append never returned, so nobody was promised anything. A bad frame with a good one behind it is not a torn
 * tail but damage, and stops the start.
 */
import { MAGIC, readFrame } from './frame.ts'

export interface RecoveredOutbox {
  /** Bodies to send, by number, rising. */
  readonly pending: Map<number, Buffer>
  readonly nextSeq: number
  /** Length of the good part; what is behind it is to be cut off. */
  readonly goodBytes: number
  readonly tornBytes: number
}

/** Damage that is not a torn tail. The file is left as it is, for people to look at. */
export class OutboxDamaged extends Error {
  constructor(path: string, what: string) {
    super(`the outbox ${path} is damaged: ${what}; move it away to start with an empty one, or repair it`)
    this.name = 'OutboxDamaged'
  }
}

export function recoverOutbox(path: string, bytes: Buffer): RecoveredOutbox {
  // A crash while the file was being made leaves a part of the magic.
  if (bytes.length < MAGIC.length && MAGIC.subarray(0, bytes.length).equals(bytes)) {
    return { pending: new Map(), nextSeq: 1, goodBytes: 0, tornBytes: bytes.length }
  }
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw new OutboxDamaged(path, 'it does not start like an outbox')
  const pending = new Map<number, Buffer>()
  let lastSeq = 0
  let at = MAGIC.length
  while (at < bytes.length) {
    const read = readFrame(bytes, at)
    if ('fault' in read) {
      if (hasFrameBehind(bytes, at)) throw new OutboxDamaged(path, `the frame at byte ${at} is bad, with good ones behind it`)
      break
    }
    const { frame } = read
    if (frame.kind === 'settled') pending.delete(frame.seq)
    else pending.set(frame.seq, frame.body)
    lastSeq = Math.max(lastSeq, frame.seq)
    at = read.next
  }
  return { pending, nextSeq: lastSeq + 1, goodBytes: at, tornBytes: bytes.length - at }
}

/** Whether any later byte starts a good frame (a chance hit is one in four billion a byte). */
function hasFrameBehind(bytes: Buffer, badAt: number): boolean {
  for (let at = badAt + 1; at < bytes.length; at++) if ('frame' in readFrame(bytes, at)) return true
  return false
}
