/**
 * One POST over a pool of kept connections: node:http, which is about twice as fast as `fetch` here and shows when a connection was
 * lost. Knows nothing of summaries and never retries.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'

export interface Answer {
  readonly status: number
  readonly retryAfter: string | undefined
  readonly body: string
}

/** Answers are some 200 bytes; a peer that sends more than this is not a verifier. */
const MAX_ANSWER_BYTES = 64 * 1024

export class Transport {
  readonly #target: URL
  readonly #agent: HttpAgent
  readonly #request: typeof httpRequest
  readonly #headers: Readonly<Record<string, string>>

  /** @param baseURL `http://` or `https://`, a path in front is kept. @throws RangeError */
  constructor(baseURL: string, path: string, headers: Readonly<Record<string, string>>, connections: number) {
    const base = URL.parse(baseURL)
    if (base?.protocol !== 'http:' && base?.protocol !== 'https:')
      throw new RangeError(`baseURL must be an http or https URL, not "${baseURL}"`)
    this.#target = new URL(base)
    this.#target.pathname = base.pathname.replace(/\/+$/, '') + path
    const secure = base.protocol === 'https:'
    this.#agent = new (secure ? HttpsAgent : HttpAgent)({ keepAlive: true, maxSockets: connections })
    this.#request = secure ? httpsRequest : httpRequest
    this.#headers = headers
  }

  /**
   * @throws what broke the connection, `Error('no answer in ... ms')`, or the reason of `signal`. Whatever is thrown, the peer may have
   *   handled the request.
   */
  post(body: Buffer, timeoutMs: number, signal: AbortSignal | undefined): Promise<Answer> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      const request = this.#request(this.#target, {
        method: 'POST',
        agent: this.#agent,
        headers: { ...this.#headers, 'content-length': body.length },
      })
      const timer = setTimeout(() => request.destroy(new Error(`no answer in ${Math.ceil(timeoutMs)} ms`)), timeoutMs)
      const abort = () => request.destroy(toError(signal?.reason))
      signal?.addEventListener('abort', abort, { once: true })
      const settle = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
      }
      const fail = (error: Error) => {
        settle()
        reject(signal?.aborted ? signal.reason : error)
      }
      request.on('error', fail)
      request.on('response', (response) => {
        readAll(response, (error, text) => {
          if (error) return fail(error)
          settle()
          resolve({ status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'], body: text })
        })
      })
      request.end(body)
    })
  }

  /** Closes the connections; requests under way fail. */
  close(): void {
    this.#agent.destroy()
  }
}

function readAll(response: IncomingMessage, done: (error: Error | undefined, text: string) => void): void {
  const chunks: Buffer[] = []
  let bytes = 0
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > MAX_ANSWER_BYTES) response.destroy(new Error(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`))
    else chunks.push(chunk)
  })
  response.on('end', () => done(undefined, Buffer.concat(chunks).toString('utf8')))
  response.on('error', (error) => done(error, ''))
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason))
}
