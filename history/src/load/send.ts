/**
 * Sends one attempt, once. No retries and no outbox here: what a client of ours would do about an attempt that has no answer is another
 * attempt, and the history has to know of each.
 */
import { Agent, request } from 'node:http'

export type Returned =
  | {
      readonly kind: 'answer'
      readonly accepted: boolean
      readonly escalated: boolean
      readonly dHat: number
      readonly budget: number
      readonly reason: string
    }
  /** A 4xx. */
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'unknown'; readonly message: string }

/** Longer than a verifier waits for its store, so that it can say 503 itself. */
const PATIENCE_MS = 4000
const ANSWER_BYTES_MAX = 64 * 1024

export class Sender {
  readonly #agent: Agent
  readonly #tenant: string

  constructor(tenant: string, connections: number) {
    this.#tenant = tenant
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections, scheduling: 'lifo' })
  }

  send(url: string, body: string): Promise<Returned> {
    return new Promise((resolve) => {
      const unknown = (message: string) => resolve({ kind: 'unknown', message })
      const headers = {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'x-tenant-id': this.#tenant,
      }
      const sent = request(`${url}/v1/pcs/submit`, { method: 'POST', agent: this.#agent, headers }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          text += chunk
          if (text.length > ANSWER_BYTES_MAX) sent.destroy(new Error('the answer is too long'))
        })
        response.on('error', ({ message }) => unknown(message))
        response.on('aborted', () => unknown('the answer was cut off'))
        response.on('end', () => resolve(read(response.statusCode ?? 0, text)))
      })
      // Of the whole exchange: a trickle must not keep it open.
      const late = setTimeout(() => sent.destroy(new Error(`no answer within ${PATIENCE_MS} ms`)), PATIENCE_MS)
      sent.on('error', (error: NodeJS.ErrnoException) => unknown(error.code ?? error.message))
      sent.on('close', () => clearTimeout(late))
      sent.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

function read(status: number, text: string): Returned {
  if (status >= 500 || status === 429) return { kind: 'unknown', message: `${status} ${text.slice(0, 120)}` }
  if (status !== 200 && status !== 202) return { kind: 'refused', message: `${status} ${text.slice(0, 200)}` }
  try {
    const { accepted, escalated, recomputed_D_hat, recomputed_budget, reason } = JSON.parse(text) as Record<string, unknown>
    if (typeof accepted !== 'boolean' || typeof escalated !== 'boolean' || typeof reason !== 'string')
      throw new Error('a field is missing')
    if (typeof recomputed_D_hat !== 'number' || typeof recomputed_budget !== 'number') throw new Error('a number is missing')
    if ((status === 202) !== escalated) throw new Error(`it says escalated: ${escalated}`)
    return { kind: 'answer', accepted, escalated, dHat: recomputed_D_hat, budget: recomputed_budget, reason }
  } catch (error) {
    return {
      kind: 'refused',
      message: `${status} with an answer that is none (${(error as Error).message}): ${text.slice(0, 200)}`,
    }
  }
}
