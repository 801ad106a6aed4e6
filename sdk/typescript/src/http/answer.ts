/** What an answer of a verifier means to a client: a result, an error that is final, or one that another try may cure. */
import { SignatureError, type SubmitError, UnexpectedAnswerError, ValidationError } from '../errors.ts'
import type { Answer } from './transport.ts'

/** A verifier's decision, with the names of the wire. */
export interface SubmitResult {
  readonly accepted: boolean
  readonly escalated: boolean
  /** Why it was escalated or not accepted; empty otherwise. */
  readonly reason: string
  readonly recomputed_D_hat: number
  readonly recomputed_budget: number
  readonly pcs_id: string
}

export type Reading =
  | { readonly kind: 'result'; readonly result: SubmitResult }
  | { readonly kind: 'final'; readonly error: SubmitError }
  | { readonly kind: 'retry'; readonly what: string }

export function readAnswer(answer: Answer, pcsId: string): Reading {
  const { status } = answer
  const body = parseObject(answer.body)
  if (status === 200 || status === 202) {
    const result = body && resultOf(body, pcsId)
    if (result) return { kind: 'result', result }
    return final(
      new UnexpectedAnswerError(`the answer ${status} is not a verifier's: ${answer.body.slice(0, 200)}`, pcsId, status),
    )
  }
  const said = textOf(body?.message) ?? textOf(body?.reason) ?? textOf(body?.error) ?? answer.body.slice(0, 200)
  if (status === 408 || status === 429 || status >= 500) return { kind: 'retry', what: `${status} ${said}`.trim() }
  if (status === 401 || status === 403)
    return final(new SignatureError(`the verifier refused the signature or tenant: ${said}`, pcsId, status))
  if (status === 400 || status === 413 || status === 415 || status === 422) {
    return final(new ValidationError(`the verifier refused the summary: ${said}`, pcsId, status, textOf(body?.field)))
  }
  return final(new UnexpectedAnswerError(`unexpected answer ${status}: ${said}`, pcsId, status))
}

function resultOf(body: Readonly<Record<string, unknown>>, pcsId: string): SubmitResult | undefined {
  const { accepted, escalated, reason, recomputed_D_hat, recomputed_budget } = body
  if (typeof accepted !== 'boolean' || typeof escalated !== 'boolean') return undefined
  if (typeof recomputed_D_hat !== 'number' || typeof recomputed_budget !== 'number') return undefined
  return {
    accepted,
    escalated,
    reason: textOf(reason) ?? '',
    recomputed_D_hat,
    recomputed_budget,
    pcs_id: textOf(body.pcs_id) ?? pcsId,
  }
}

function final(error: SubmitError): Reading {
  return { kind: 'final', error }
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined
  } catch {
    // A proxy in between answers with HTML or text; the status says enough.
    return undefined
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
