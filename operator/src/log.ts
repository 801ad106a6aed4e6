/** Log lines for people on stderr, one JSON object a line. Whatever looks like credentials in an address is taken out first. */
import { ApiError, TransportError } from './runtime/client/api-error.ts'

export interface Log {
  info(message: string, fields?: Record<string, unknown>): void
  error(message: string, error?: unknown): void
}

/** `scheme://user:password@host` keeps its host only; bearer tokens go too. */
export function redact(text: string): string {
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/@]*@/gi, '$1***@').replace(/(bearer\s+)[\w.~+/=-]+/gi, '$1***')
}

export function makeLog(write: (line: string) => void, now: () => number): Log {
  const line = (level: string, message: string, fields: Record<string, unknown>) =>
    write(`${redact(JSON.stringify({ time: new Date(now()).toISOString(), level, message, ...fields }))}\n`)
  return {
    info: (message, fields = {}) => line('info', message, fields),
    error: (message, error) => line('error', message, error === undefined ? {} : { error: textOf(error) }),
  }
}

/** What the API server refused, or left unanswered, is said whole by its message; of what nobody expected the place in the code counts. */
function textOf(error: unknown): string {
  if (error instanceof ApiError || error instanceof TransportError) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
