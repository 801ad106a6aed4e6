/** What went wrong between us and the API server. `ApiError`: it answered, and refused. `TransportError`: there was no whole answer. */

export class ApiError extends Error {
  /** HTTP status. */
  readonly status: number
  /** Of the answer's `Status` object, e.g. `Conflict`, `AlreadyExists`, `Expired`; else `Unknown`. */
  readonly reason: string
  /** What the server asked to wait for before the next try. */
  readonly retryAfterMs: number | undefined

  constructor(doing: string, status: number, reason: string, message: string, retryAfterMs?: number) {
    super(`${doing}: ${status} ${reason}: ${message}`)
    this.name = 'ApiError'
    this.status = status
    this.reason = reason
    this.retryAfterMs = retryAfterMs
  }
}

/** The outcome of a write is unknown: it may or may not have happened. */
export class TransportError extends Error {
  constructor(doing: string, why: string, options?: { cause?: unknown }) {
    super(`${doing}: ${why}`, options)
    this.name = 'TransportError'
  }
}

export const isConflict = (error: unknown): boolean => error instanceof ApiError && error.status === 409
export const isNotFound = (error: unknown): boolean => error instanceof ApiError && error.status === 404
export const isGone = (error: unknown): boolean => error instanceof ApiError && error.status === 410

interface StatusBody {
  readonly reason?: unknown
  readonly message?: unknown
  readonly code?: unknown
  readonly details?: { readonly retryAfterSeconds?: unknown }
}

/** Longest part of a server's message that goes into an error. */
const MAX_MESSAGE_CHARACTERS = 2048

/** From a `Status` object, of an HTTP answer or of an ERROR event within a watch; anything else becomes its beginning as text. */
export function apiErrorOf(doing: string, httpStatus: number, body: unknown, retryAfterHeader?: string): ApiError {
  const status = (typeof body === 'object' && body !== null ? body : {}) as StatusBody
  const code = httpStatus === 200 && typeof status.code === 'number' ? status.code : httpStatus
  const reason = typeof status.reason === 'string' && status.reason !== '' ? status.reason : 'Unknown'
  const message = typeof status.message === 'string' ? status.message : typeof body === 'string' ? body : 'no message'
  const seconds = Number(retryAfterHeader ?? status.details?.retryAfterSeconds)
  const retryAfterMs = Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 3600) * 1000 : undefined
  return new ApiError(doing, code, reason, message.slice(0, MAX_MESSAGE_CHARACTERS), retryAfterMs)
}
