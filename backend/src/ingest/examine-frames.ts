/**
 * Batches on their way to an examining thread and back, as two flat buffers that are handed over and not copied: a structured clone of
 * the objects would cost as much as the examination. Numbers are little-endian; both ends are this process.
 *
 * To the thread: count u32, then 24 bytes an exhibit (receivedAtMs f64, segment u32, offset u32, body length u32, tenant index u32), then the
 * bodies. Back: an exhibit's finding after the other, see `writeClaim` and `writeRefused`.
 */
import { slotOfKey } from '@fractal-lba/protocol/ring/slots'
import type { Claim, Examined, Refused } from './examined.ts'
import type { Exhibit } from './examiner.ts'
import type { FindingCode } from './refusals.ts'

const HEAD_BYTES = 8
const EXHIBIT_BYTES = 24
/** kind, flags, rendering + 1, unused, record length u16, answer length u16, expiresAtMs f64, key, pcs_id in hex. */
const CLAIM_BYTES = 16 + 32 + 64
/** kind, code, length u16 of the JSON that follows. */
const REFUSED_BYTES = 4
const ACCEPTED = 1
const ESCALATED = 2

const CODES: readonly FindingCode[] = ['malformed_body', 'body_too_large', 'bad_signature', 'unknown_tenant']

/** @param tenantIndex of a tenant id; any number that stands for no tenant where it is unknown */
export function encodeExhibits(batch: readonly Exhibit[], tenantIndex: (tenant: string) => number): ArrayBuffer {
  let bodyBytes = 0
  for (const exhibit of batch) bodyBytes += exhibit.body.length
  const buffer = Buffer.allocUnsafeSlow(HEAD_BYTES + batch.length * EXHIBIT_BYTES + bodyBytes)
  buffer.writeUInt32LE(batch.length, 0)
  const times = new Float64Array(buffer.buffer, HEAD_BYTES, batch.length * 3)
  const words = new Uint32Array(buffer.buffer, HEAD_BYTES, batch.length * 6)
  let at = HEAD_BYTES + batch.length * EXHIBIT_BYTES
  for (let i = 0; i < batch.length; i++) {
    const { tenant, body, receivedAtMs, position } = batch[i] as Exhibit
    times[i * 3] = receivedAtMs
    words[i * 6 + 2] = position.segment
    words[i * 6 + 3] = position.offset
    words[i * 6 + 4] = body.length
    words[i * 6 + 5] = tenantIndex(tenant)
    buffer.set(body, at)
    at += body.length
  }
  return buffer.buffer as ArrayBuffer
}

export function decodeExhibits(bytes: ArrayBuffer, tenants: readonly string[]): Exhibit[] {
  const buffer = Buffer.from(bytes)
  const count = buffer.readUInt32LE(0)
  const times = new Float64Array(bytes, HEAD_BYTES, count * 3)
  const words = new Uint32Array(bytes, HEAD_BYTES, count * 6)
  const batch: Exhibit[] = []
  let at = HEAD_BYTES + count * EXHIBIT_BYTES
  for (let i = 0; i < count; i++) {
    const length = words[i * 6 + 4] as number
    batch.push({
      tenant: tenants[words[i * 6 + 5] as number] ?? '',
      body: buffer.subarray(at, at + length),
      receivedAtMs: times[i * 3] as number,
      position: { segment: words[i * 6 + 2] as number, offset: words[i * 6 + 3] as number },
    })
    at += length
  }
  return batch
}

export function encodeFindings(findings: readonly Examined[]): ArrayBuffer {
  const details = findings.map((finding) => (finding.kind === 'refused' ? detailOf(finding) : undefined))
  let bytes = 0
  findings.forEach((finding, i) => {
    bytes +=
      finding.kind === 'claim'
        ? CLAIM_BYTES + finding.record.length + finding.answer.length
        : REFUSED_BYTES + (details[i] as Buffer).length
  })
  const buffer = Buffer.allocUnsafeSlow(bytes)
  let at = 0
  findings.forEach((finding, i) => {
    at = finding.kind === 'claim' ? writeClaim(buffer, at, finding) : writeRefused(buffer, at, finding.code, details[i] as Buffer)
  })
  return buffer.buffer as ArrayBuffer
}

/** Appends the findings to `findings`; their buffers are views of `bytes`. */
export function decodeFindings(bytes: ArrayBuffer): Examined[] {
  const buffer = Buffer.from(bytes)
  const findings: Examined[] = []
  let at = 0
  while (at < buffer.length) {
    if (buffer[at] === 0) {
      const claim = readClaim(buffer, at)
      findings.push(claim)
      at += CLAIM_BYTES + claim.record.length + claim.answer.length
    } else {
      const length = buffer.readUInt16LE(at + 2)
      const code = CODES[buffer[at + 1] as number] as FindingCode
      const detail = JSON.parse(buffer.toString('utf8', at + REFUSED_BYTES, at + REFUSED_BYTES + length)) as {
        field?: string
        reason?: string
        pcsId?: string
      }
      findings.push({ kind: 'refused', code, field: detail.field, reason: detail.reason, pcsId: detail.pcsId })
      at += REFUSED_BYTES + length
    }
  }
  return findings
}

function writeClaim(buffer: Buffer, at: number, claim: Claim): number {
  buffer[at] = 0
  buffer[at + 1] = (claim.accepted ? ACCEPTED : 0) | (claim.escalated ? ESCALATED : 0)
  buffer[at + 2] = claim.rendering + 1
  buffer[at + 3] = 0
  buffer.writeUInt16LE(claim.record.length, at + 4)
  buffer.writeUInt16LE(claim.answer.length, at + 6)
  buffer.writeDoubleLE(claim.expiresAtMs, at + 8)
  buffer.set(claim.key, at + 16)
  buffer.write(claim.pcsId, at + 48, 'latin1')
  buffer.set(claim.record, at + CLAIM_BYTES)
  buffer.write(claim.answer, at + CLAIM_BYTES + claim.record.length, 'latin1')
  return at + CLAIM_BYTES + claim.record.length + claim.answer.length
}

function readClaim(buffer: Buffer, at: number): Claim {
  const flags = buffer[at + 1] as number
  const recordEnd = at + CLAIM_BYTES + buffer.readUInt16LE(at + 4)
  const key = buffer.subarray(at + 16, at + 48)
  const escalated = (flags & ESCALATED) !== 0
  return {
    kind: 'claim',
    pcsId: buffer.toString('latin1', at + 48, at + 112),
    key,
    slot: slotOfKey(key),
    record: buffer.subarray(at + CLAIM_BYTES, recordEnd),
    expiresAtMs: buffer.readDoubleLE(at + 8),
    status: escalated ? 202 : 200,
    answer: buffer.toString('latin1', recordEnd, recordEnd + buffer.readUInt16LE(at + 6)),
    accepted: (flags & ACCEPTED) !== 0,
    escalated,
    rendering: (buffer[at + 2] as number) - 1,
  }
}

function detailOf({ field, reason, pcsId }: Refused): Buffer {
  return Buffer.from(JSON.stringify({ field, reason, pcsId }))
}

function writeRefused(buffer: Buffer, at: number, code: FindingCode, detail: Buffer): number {
  buffer[at] = 1
  buffer[at + 1] = CODES.indexOf(code)
  buffer.writeUInt16LE(detail.length, at + 2)
  buffer.set(detail, at + REFUSED_BYTES)
  return at + REFUSED_BYTES + detail.length
}
