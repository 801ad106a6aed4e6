/**
 * What the examination of a submission finds, without asking any store: either a claim that can be put to the store as it is, or the
 * reason why it is refused.
 */
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import type { FindingCode } from './refusals.ts'

export interface Claim {
  readonly kind: 'claim'
  readonly pcsId: string
  /** 32 bytes. */
  readonly key: Buffer
  readonly slot: SlotId
  /** Encoded; its origin is the entry's own position. */
  readonly record: Buffer
  readonly expiresAtMs: number
  /** Status and body of the answer if this claim wins. */
  readonly status: 200 | 202
  /** ASCII. A string, because Node sends one together with the header and a buffer behind it. */
  readonly answer: string
  readonly accepted: boolean
  readonly escalated: boolean
  /** Which rendering of the signed fields the signature is over; -1 where the tenant does not sign. */
  readonly rendering: number
}

export interface Refused {
  readonly kind: 'refused'
  readonly code: FindingCode
  readonly field: string | undefined
  readonly reason: string | undefined
  readonly pcsId: string | undefined
}

export type Examined = Claim | Refused
