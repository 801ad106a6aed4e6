/** What a submission can fail with. The class says what to do about it; `pcsId` says about which summary. */

export abstract class SubmitError extends Error {
  /** HTTP status, or undefined when no answer came. */
  readonly status: number | undefined
  readonly pcsId: string
  constructor(message: string, pcsId: string, status: number | undefined, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.status = status
    this.pcsId = pcsId
  }
}

/** 400: the summary itself is wrong. Sending it again cannot help. */
export class ValidationError extends SubmitError {
  /** Which field, where the verifier said. */
  readonly field: string | undefined
  constructor(message: string, pcsId: string, status: number, field: string | undefined) {
    super(message, pcsId, status)
    this.field = field
  }
}

/** 401: the signature did not verify. Check the key, the algorithm and the tenant. */
export class SignatureError extends SubmitError {}

/** 429 until the deadline: the tenant's rate or quota is used up. */
export class QuotaError extends SubmitError {
  /** How long the verifier asked to wait, if it did. */
  readonly retryAfterMs: number | undefined
  constructor(message: string, pcsId: string, status: number, retryAfterMs: number | undefined) {
    super(message, pcsId, status)
    this.retryAfterMs = retryAfterMs
  }
}

/** No verifier took the summary before the deadline: unreachable, timed out, or 5xx. It may have been decided all the same; send it again. */
export class UnavailableError extends SubmitError {
  readonly retryAfterMs: number | undefined
  constructor(
    message: string,
    pcsId: string,
    status: number | undefined,
    retryAfterMs: number | undefined,
    options?: ErrorOptions,
  ) {
    super(message, pcsId, status, options)
    this.retryAfterMs = retryAfterMs
  }
}

/** An answer that this client does not know: another 4xx, a redirect, or a 200 that is not an answer of a verifier. */
export class UnexpectedAnswerError extends SubmitError {}
