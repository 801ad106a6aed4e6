/**
 * Every error that a client of the submission API can see, one row each: status, what happened, and what to do about it. The code is
 * the contract (clients switch on it); the sentences are for people.
 */

import type { RefusalCode, RefusalDetail } from '../ingest/refusals.ts'

/** Refusals of the edge itself, before a submission is one. */
type EdgeCode = 'bad_request' | 'not_found' | 'request_timeout' | 'unsupported_media_type' | 'rate_limited' | 'internal'

export type ErrorCode = RefusalCode | EdgeCode

export interface ErrorRow {
  readonly status: number
  readonly message: string
  readonly action: string
  /** Whole seconds of `Retry-After`, where trying again later is the thing to do. */
  readonly retryAfterSeconds?: number
}

export const ERRORS = {
  malformed_body: {
    status: 400,
    message: 'the body is not a valid summary',
    action: 'correct the named field; the same bytes will be refused again',
  },
  unknown_tenant: {
    status: 401,
    message: 'X-Tenant-Id names no tenant of this verifier',
    action: 'send the tenant id you were given, or no header where the verifier serves one tenant only',
  },
  bad_signature: {
    status: 401,
    message: 'no key of the tenant verifies the signature',
    action: 'sign the eight signed fields with the current key of the tenant, in the canonical form',
  },
  not_found: { status: 404, message: 'there is nothing at this path', action: 'GET /openapi.json lists what there is' },
  request_timeout: { status: 408, message: 'the request did not arrive in time', action: 'send it again, faster' },
  body_too_large: {
    status: 413,
    message: 'the body is longer than 65536 bytes',
    action: 'submit a summary, not the data it was made of',
  },
  unsupported_media_type: {
    status: 415,
    message: 'the content type is not application/json',
    action: 'send Content-Type: application/json',
  },
  bad_request: { status: 400, message: 'the request is not well-formed HTTP', action: 'correct the request line and headers' },
  rate_limited: {
    status: 429,
    message: 'the tenant submits faster than its quota',
    action: 'wait for Retry-After seconds, then submit again',
    retryAfterSeconds: 1,
  },
  internal: {
    status: 500,
    message: 'the verifier failed at this request',
    action: 'submit the same summary again; if it stays so, report it with the time',
  },
  store_unavailable: {
    status: 503,
    message: 'the dedup store gave no answer in time; the submission is kept and will be decided',
    action: 'submit the same summary again after Retry-After seconds; both get one decision',
    retryAfterSeconds: 1,
  },
  store_backlog: {
    status: 503,
    message: 'too many submissions wait for the dedup store',
    action: 'submit again after Retry-After seconds',
    retryAfterSeconds: 5,
  },
  log_unavailable: {
    status: 503,
    message: 'the write-ahead log takes nothing now; nothing was kept',
    action: 'submit again after Retry-After seconds, or to another pod',
    retryAfterSeconds: 5,
  },
  overloaded: {
    status: 503,
    message: 'too many submissions are under way in this pod',
    action: 'submit again after Retry-After seconds, or to another pod',
    retryAfterSeconds: 1,
  },
  draining: {
    status: 503,
    message: 'this pod is shutting down',
    action: 'submit again: another pod will answer',
    retryAfterSeconds: 1,
  },
} as const satisfies Record<ErrorCode, ErrorRow>

/** The body of an error's answer. */
export function renderError(code: ErrorCode, detail?: RefusalDetail): string {
  const row: ErrorRow = ERRORS[code]
  const message = detail?.reason ? `${row.message}: ${detail.field ? `${detail.field} ` : ''}${detail.reason}` : row.message
  return JSON.stringify({ error: code, message, action: row.action, field: detail?.field, pcs_id: detail?.pcsId })
}
