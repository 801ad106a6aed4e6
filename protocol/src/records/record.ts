/**
 * The bytes that a dedup store keeps for a decided key. Version 1, big-endian:
 *
 *    0 version (1)      1 verdict          2 reason            3 length of the pod's name
 *    4 decidedAtMs (6 bytes)              10 expiresAtMs (6 bytes)
 *   16 recomputed D̂ (double)              24 recomputed budget (double)
 *   32 content hash (16 bytes)
 *   48 origin: segment (4 bytes), 52 offset (4 bytes), 56 the pod's name (UTF-8) up to the end
 *
 * The origin is one contiguous tail, so whether two records come from the same WAL entry is one comparison without decoding.
 * Records never change once written; `record.test.ts` holds a worked example.
 */
import { REASONS, type Reason, VERDICTS, type Verdict } from '../pcs/reason.ts'

/** The WAL entry that a decision was made for: which pod's log, and where in it. No two submissions share one. */
export interface Origin {
  readonly pod: string
  readonly segment: number
  readonly offset: number
}

export interface DecisionRecord {
  readonly verdict: Verdict
  readonly reason: Reason
  readonly recomputedDHat: number
  readonly recomputedBudget: number
  /** `contentHash` of signing/renderings: tells a replay from an equivocation. */
  readonly contentHash: Buffer
  readonly origin: Origin
  readonly decidedAtMs: number
  /** Absolute, so that copies of the record expire together wherever they are. */
  readonly expiresAtMs: number
}

export const RECORD_VERSION = 1
export const CONTENT_HASH_BYTES = 16
/** Longest pod name in bytes; a Kubernetes pod name fits (63), as does a short host name with a port. */
export const MAX_POD_BYTES = 128

const HASH_AT = 32
const ORIGIN_AT = 48
const POD_AT = 56
const MAX_MS = 2 ** 48 - 1
const MAX_U32 = 2 ** 32 - 1

/** Bytes that are not a record this version can read; the message names the field. */
export class BadRecord extends Error {
  readonly field: string
  constructor(field: string, what: string) {
    super(`bad decision record: ${field} ${what}`)
    this.name = 'BadRecord'
    this.field = field
  }
}

/** @throws RangeError for a value that the layout cannot hold: a bug of the caller's. */
export function encodeRecord(record: DecisionRecord): Buffer {
  const { origin } = record
  const podBytes = Buffer.byteLength(origin.pod)
  requireRange('origin.pod', podBytes, 1, MAX_POD_BYTES)
  requireRange('origin.segment', origin.segment, 0, MAX_U32)
  requireRange('origin.offset', origin.offset, 0, MAX_U32)
  requireRange('decidedAtMs', record.decidedAtMs, 0, MAX_MS)
  requireRange('expiresAtMs', record.expiresAtMs, 0, MAX_MS)
  if (record.contentHash.length !== CONTENT_HASH_BYTES) throw new RangeError(`contentHash must be ${CONTENT_HASH_BYTES} bytes`)
  const bytes = Buffer.allocUnsafe(POD_AT + podBytes)
  bytes[0] = RECORD_VERSION
  bytes[1] = VERDICTS.indexOf(record.verdict)
  bytes[2] = REASONS.indexOf(record.reason)
  bytes[3] = podBytes
  bytes.writeUIntBE(record.decidedAtMs, 4, 6)
  bytes.writeUIntBE(record.expiresAtMs, 10, 6)
  bytes.writeDoubleBE(record.recomputedDHat, 16)
  bytes.writeDoubleBE(record.recomputedBudget, 24)
  bytes.set(record.contentHash, HASH_AT)
  bytes.writeUInt32BE(origin.segment, ORIGIN_AT)
  bytes.writeUInt32BE(origin.offset, ORIGIN_AT + 4)
  bytes.write(origin.pod, POD_AT, 'utf8')
  return bytes
}

/** @throws BadRecord that names what is wrong. */
export function decodeRecord(bytes: Buffer): DecisionRecord {
  const origin = originOf(bytes)
  const verdict = VERDICTS[bytes[1] as number]
  if (verdict === undefined) throw new BadRecord('verdict', `has the unknown code ${bytes[1]}`)
  const reason = REASONS[bytes[2] as number]
  if (reason === undefined) throw new BadRecord('reason', `has the unknown code ${bytes[2]}`)
  if ((verdict === 'accepted') !== (reason === ''))
    throw new BadRecord('reason', `is "${reason}" though the verdict is "${verdict}"`)
  const recomputedDHat = bytes.readDoubleBE(16)
  if (!Number.isFinite(recomputedDHat)) throw new BadRecord('recomputedDHat', 'is not a finite number')
  const recomputedBudget = bytes.readDoubleBE(24)
  if (!(recomputedBudget >= 0 && recomputedBudget <= 1)) throw new BadRecord('recomputedBudget', 'is not in 0..1')
  return {
    verdict,
    reason,
    recomputedDHat,
    recomputedBudget,
    contentHash: contentHashOf(bytes),
    origin,
    decidedAtMs: bytes.readUIntBE(4, 6),
    expiresAtMs: expiresAtOf(bytes),
  }
}

/** The origin alone. @throws BadRecord */
export function originOf(bytes: Buffer): Origin {
  requireShape(bytes)
  return {
    pod: bytes.toString('utf8', POD_AT),
    segment: bytes.readUInt32BE(ORIGIN_AT),
    offset: bytes.readUInt32BE(ORIGIN_AT + 4),
  }
}

/** Whether both records were made for the same WAL entry: finding one's own claim is a win, not a duplicate. */
export function sameOrigin(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && a.length > POD_AT && a.compare(b, ORIGIN_AT, b.length, ORIGIN_AT, a.length) === 0
}

/** A view of the record's content hash, not a copy. */
export function contentHashOf(bytes: Buffer): Buffer {
  return bytes.subarray(HASH_AT, ORIGIN_AT)
}

/** When the record stops counting, without decoding the rest. */
export function expiresAtOf(bytes: Buffer): number {
  return bytes.readUIntBE(10, 6)
}

function requireShape(bytes: Buffer): void {
  if (bytes.length === 0) throw new BadRecord('version', 'is missing')
  if (bytes[0] !== RECORD_VERSION) throw new BadRecord('version', `is ${bytes[0]}, this program reads ${RECORD_VERSION}`)
  if (bytes.length <= POD_AT) throw new BadRecord('length', `is ${bytes.length} bytes, at least ${POD_AT + 1} are needed`)
  if (bytes.length !== POD_AT + (bytes[3] as number)) {
    throw new BadRecord('length', `is ${bytes.length} bytes, the name of the pod would make it ${POD_AT + (bytes[3] as number)}`)
  }
}

function requireRange(field: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max)
    throw new RangeError(`${field} ${value} is not an integer in ${min}..${max}`)
}
