/**
 * Why a submission is not decided, by a code that is part of the API. What each means to a client (status, words, what to do) is the
 * table `http/errors.ts`.
 */

/** Refusals that depend on nothing but the body and the tenant's keys: the same bytes are refused again. */
export type FindingCode = 'malformed_body' | 'body_too_large' | 'bad_signature' | 'unknown_tenant'

/** Refusals for now: the same bytes may be taken later. */
export type UnavailableCode = 'store_unavailable' | 'store_backlog' | 'log_unavailable' | 'overloaded' | 'draining'

export type RefusalCode = FindingCode | UnavailableCode

/** What is particular to one occurrence. */
export interface RefusalDetail {
  /** Field of the summary that is wrong, as a path: `N_j.4`, or `body` where it is the whole. */
  readonly field?: string | undefined
  /** What is wrong with it. */
  readonly reason?: string | undefined
  readonly pcsId?: string | undefined
}
