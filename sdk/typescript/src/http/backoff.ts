/**
 * How long to wait before the next try: exponential back-off with full jitter (a uniform share of a ceiling that doubles), so that
 * agents that failed together do not return together. What a server asks for with Retry-After is a lower bound, with jitter on top.
 */
export interface BackoffOptions {
  /** Ceiling of the first wait. */
  readonly baseMs: number
  /** Ceiling of every later one. */
  readonly capMs: number
}

export const DEFAULT_BACKOFF: BackoffOptions = { baseMs: 100, capMs: 10_000 }

/** @param failures how many tries have failed so far, at least 1. */
export function backoffMs(failures: number, retryAfterMs: number | undefined, random: number, options: BackoffOptions): number {
  const ceiling = Math.min(options.capMs, options.baseMs * 2 ** Math.min(failures - 1, 30))
  return (retryAfterMs ?? 0) + random * ceiling
}

/** A `Retry-After` in milliseconds (RFC 9110, 10.2.3: seconds, or a date), or undefined when there is none that can be read. */
export function retryAfterMsOf(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined
  const text = header.trim()
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000
  // A date ends in GMT; Date.parse alone would take "-5" or "1.5" for one.
  const at = /GMT$/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs)
}
