/**
 * Stages 3 to 5 of the pipeline for one submission: parse, authenticate, verify, in this order, so that nothing is computed for
 * whoever has no key. Pure: the same entry gives the same record at any time and in any process, which replay relies on.
 */
import { MAX_BODY_BYTES, parsePcs } from '@fractal-lba/protocol/pcs/parse'
import { isAccepted, isEscalated } from '@fractal-lba/protocol/pcs/reason'
import { type Judgement, judge } from '@fractal-lba/protocol/pcs/verdict'
import { encodeRecord } from '@fractal-lba/protocol/records/record'
import { dedupKey, slotOfKey } from '@fractal-lba/protocol/ring/slots'
import { contentHash, SignedTexts } from '@fractal-lba/protocol/signing/renderings'
import type { Authenticator } from '../verify/authenticate.ts'
import { renderAnswer, statusOf } from './answers.ts'
import type { Examined, Refused } from './examined.ts'
import type { Exhibit } from './examiner.ts'
import type { FindingCode } from './refusals.ts'

/** How long a decision stands: 14 days, after which its pcs_id may be decided anew. */
export const DECISION_TTL_MS = 14 * 24 * 60 * 60 * 1000

export function examine({ tenant, body, receivedAtMs, position }: Exhibit, pod: string, authenticator: Authenticator): Examined {
  if (!authenticator.knows(tenant)) return refuse('unknown_tenant')
  if (body.length > MAX_BODY_BYTES) return refuse('body_too_large', 'body')
  const parsed = parsePcs(body)
  if (!parsed.ok) return refuse('malformed_body', parsed.field, parsed.reason)
  const { pcs } = parsed
  const texts = new SignedTexts(pcs)
  const authentication = authenticator.check(tenant, texts, pcs.sig)
  if (!authentication.ok) return refuse('bad_signature', 'sig', authentication.reason, pcs.pcs_id)
  const judgement = judge(pcs)
  if (judgement.kind === 'invalid') return refuse('malformed_body', judgement.field, judgement.reason, pcs.pcs_id)
  const key = dedupKey(tenant, pcs.pcs_id)
  const { record, expiresAtMs } = recordOf({ receivedAtMs, position }, pod, judgement, texts.canonical)
  return {
    kind: 'claim',
    pcsId: pcs.pcs_id,
    key,
    slot: slotOfKey(key),
    record,
    expiresAtMs,
    status: statusOf(judgement.verdict),
    answer: renderAnswer(judgement, pcs.pcs_id),
    accepted: isAccepted(judgement.verdict),
    escalated: isEscalated(judgement.verdict),
    rendering: authentication.rendering,
  }
}

/** The record of what an entry of a pod's log was decided to be, and until when it stands: the same bytes whenever it is made. */
export function recordOf(
  { receivedAtMs, position }: Pick<Exhibit, 'receivedAtMs' | 'position'>,
  pod: string,
  judgement: Extract<Judgement, { kind: 'decided' }>,
  canonical: Parameters<typeof contentHash>[0],
): { readonly record: Buffer; readonly expiresAtMs: number } {
  const expiresAtMs = receivedAtMs + DECISION_TTL_MS
  const record = encodeRecord({
    verdict: judgement.verdict,
    reason: judgement.reason,
    recomputedDHat: judgement.recomputedDHat,
    recomputedBudget: judgement.recomputedBudget,
    contentHash: contentHash(canonical),
    origin: { pod, segment: position.segment, offset: position.offset },
    // When it was received, not now: a replay must make the same bytes.
    decidedAtMs: receivedAtMs,
    expiresAtMs,
  })
  return { record, expiresAtMs }
}

function refuse(code: FindingCode, field?: string, reason?: string, pcsId?: string): Refused {
  return { kind: 'refused', code, field, reason, pcsId }
}
