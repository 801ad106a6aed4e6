/**
 * HTTPS to the API server with kept connections. Whatever it does ends: a request has a time limit and a size limit, a stream has a
 * limit on silence, and both end with the caller's signal. Credentials go into the request and nowhere else.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { TransportError } from './api-error.ts'
import type { Connection } from './connection.ts'

/** Longest a request may take from its start to the last byte of the answer. */
const DEFAULT_TIMEOUT_MS = 30_000
/** Largest answer; a page of 500 large objects fits. */
const MAX_BODY_BYTES = 64 << 20
/** So often the kernel asks an idle peer whether it is there. A peer that is gone without a word is noticed in half a minute. */
const KEEP_ALIVE_PROBE_MS = 15_000
/** Idle connections kept for the next request. */
const MAX_FREE_SOCKETS = 16

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** With the query string. */
  readonly path: string
  readonly contentType?: string
  readonly body?: string
  readonly timeoutMs?: number
  readonly signal?: AbortSignal | undefined
  /** Called last of all before bytes go out; throws to send none. */
  readonly beforeSend?: (() => void) | undefined
}

export interface Answer {
  readonly status: number
  readonly retryAfter: string | undefined
  readonly text: string
}

export interface Stream {
  readonly status: number
  readonly retryAfter: string | undefined
  readonly body: IncomingMessage
}

/** Told of every answer; `code` is the HTTP status, or `<error>` where there was none. */
export type OnAnswer = (code: string, method: string, host: string) => void

export class Transport {
  readonly #connection: Connection
  readonly #agent: HttpsAgent | HttpAgent
  readonly #onAnswer: OnAnswer
  readonly #userAgent: string

  constructor(connection: Connection, userAgent: string, onAnswer: OnAnswer) {
    this.#connection = connection
    this.#userAgent = userAgent
    this.#onAnswer = onAnswer
    const options = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE_PROBE_MS, maxFreeSockets: MAX_FREE_SOCKETS }
    this.#agent =
      connection.server.protocol === 'https:' ? new HttpsAgent({ ...options, ...connection.tls }) : new HttpAgent(options)
  }

  close(): void {
    this.#agent.destroy()
  }

  async send(call: Call): Promise<Answer> {
    const timeoutMs = call.timeoutMs ?? DEFAULT_TIMEOUT_MS
    const end = endOf(call, timeoutMs)
    try {
      const response = await this.#open(call, end.signal)
      const text = await readAll(response, end.signal, `${call.method} ${pathOf(call)}`)
      return { status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'], text }
    } finally {
      end.clear()
    }
  }

  /**
   * Opens an answer that goes on. `timeoutMs` limits the time until its headers are there; afterwards the reader decides when it is
   * over, by destroying the body or by the signal.
   */
  async stream(call: Call): Promise<Stream> {
    const end = endOf(call, call.timeoutMs ?? DEFAULT_TIMEOUT_MS)
    try {
      const response = await this.#open(call, end.signal)
      return { status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'], body: response }
    } finally {
      end.clear()
    }
  }

  async #open(call: Call, signal: AbortSignal): Promise<IncomingMessage> {
    const { server } = this.#connection
    const doing = `${call.method} ${pathOf(call)}`
    const failed = (error: unknown): unknown => {
      if (call.signal?.aborted) return call.signal.reason
      this.#onAnswer('<error>', call.method, server.host)
      return new TransportError(doing, whyOf(error, signal), { cause: error })
    }
    const headers: Record<string, string | number> = { accept: 'application/json', 'user-agent': this.#userAgent }
    if (call.body !== undefined) {
      headers['content-type'] = call.contentType ?? 'application/json'
      headers['content-length'] = Buffer.byteLength(call.body)
    }
    try {
      Object.assign(headers, await within(signal, this.#connection.authorize()))
      signal.throwIfAborted()
    } catch (error) {
      throw failed(error)
    }
    call.beforeSend?.()
    try {
      const response = await this.#request(call, headers, signal).catch((error) => {
        // The server closed an idle connection while we took it up again: nothing was read, and reading again does no harm.
        if (call.method !== 'GET' || !(error instanceof StaleConnection) || signal.aborted) throw error
        return this.#request(call, headers, signal)
      })
      // The signal's abort destroys the response as well; without a listener that would be an uncaught error.
      response.on('error', () => {})
      this.#onAnswer(String(response.statusCode), call.method, server.host)
      return response
    } catch (error) {
      throw failed(error)
    }
  }

  #request(call: Call, headers: Record<string, string | number>, signal: AbortSignal): Promise<IncomingMessage> {
    const { server } = this.#connection
    const secure = server.protocol === 'https:'
    const options = {
      method: call.method,
      hostname: server.hostname.replace(/^\[|\]$/g, ''),
      port: server.port || (secure ? 443 : 80),
      path: `${server.pathname.replace(/\/$/, '')}${call.path}`,
      headers,
      agent: this.#agent,
      signal,
    }
    return new Promise((resolve, reject) => {
      const request = secure ? httpsRequest(options, resolve) : httpRequest(options, resolve)
      request.on('error', (error: NodeJS.ErrnoException) =>
        reject(
          request.reusedSocket && error.code === 'ECONNRESET' ? new StaleConnection(error.message, { cause: error }) : error,
        ),
      )
      request.end(call.body)
    })
  }
}

class StaleConnection extends Error {}

/** What is not ours to end (an exec plugin) is at least not waited for any longer. */
function within<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

function pathOf(call: Call): string {
  return call.path.split('?', 1)[0] as string
}

/** A signal that ends at the caller's will or after a time, whichever is first. */
function endOf(call: Call, timeoutMs: number) {
  const end = new AbortController()
  const timer = setTimeout(() => end.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
  const onAbort = () => end.abort(call.signal?.reason)
  if (call.signal?.aborted) onAbort()
  call.signal?.addEventListener('abort', onAbort, { once: true })
  return {
    signal: end.signal,
    clear() {
      clearTimeout(timer)
      call.signal?.removeEventListener('abort', onAbort)
    },
  }
}

async function readAll(response: IncomingMessage, signal: AbortSignal, doing: string): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > MAX_BODY_BYTES) throw new Error(`the answer is larger than ${MAX_BODY_BYTES} bytes`)
      chunks.push(chunk)
    }
  } catch (error) {
    response.destroy()
    throw new TransportError(doing, whyOf(error, signal), { cause: error })
  }
  return Buffer.concat(chunks).toString('utf8')
}

function whyOf(error: unknown, signal: AbortSignal): string {
  const cause = signal.aborted ? signal.reason : error
  return cause instanceof Error ? cause.message : String(cause)
}
