/**
 * The client of a fleet of verifiers: signs, keeps in the outbox where it has one, submits, retries. With an outbox a summary survives the
 * agent: what was not answered before a crash is sent again, with the same bytes, by `drain`.
 */
import type { Pcs } from '@fractal-lba/protocol/pcs/schema'
import { QuotaError, UnavailableError, ValidationError } from './errors.ts'
import type { SubmitResult } from './http/answer.ts'
import { type BackoffOptions, DEFAULT_BACKOFF } from './http/backoff.ts'
import { Sender } from './http/sender.ts'
import { Transport } from './http/transport.ts'
import type { Outbox, OutboxEntry } from './outbox/outbox.ts'
import { type Signer, type SigningAlg, signerOf } from './signer.ts'
import { type Clock, systemClock, systemRandom } from './system.ts'

export interface ClientOptions {
  /** Of the fleet, e.g. `https://verifier.example.com`. */
  readonly baseURL: string
  /** Sent as `X-Tenant-Id`. */
  readonly tenantID?: string
  readonly signingAlg?: SigningAlg
  /** The shared secret of `hmac`, or the private key of `ed25519` in base64. */
  readonly signingKey?: string
  readonly outbox?: Outbox
  /** For a submission with all its tries. */
  readonly deadlineMs?: number
  /** For one try. */
  readonly requestTimeoutMs?: number
  readonly backoff?: BackoffOptions
  /** Connections kept to the fleet; more submissions than that wait for one. */
  readonly connections?: number
  readonly clock?: Clock
  readonly random?: () => number
}

export interface SubmitOptions {
  readonly signal?: AbortSignal
  readonly deadlineMs?: number
}

export interface DrainReport {
  readonly delivered: readonly SubmitResult[]
  /** Entries that a verifier refused for good; those refused with a 400 have left the outbox. */
  readonly refused: readonly { readonly seq: number; readonly error: Error }[]
  /** Entries that still wait, because no verifier answered. */
  readonly remaining: number
}

export const DEFAULT_DEADLINE_MS = 30_000
export const DEFAULT_REQUEST_TIMEOUT_MS = 5_000
export const DEFAULT_CONNECTIONS = 16

const SUBMIT_PATH = '/v1/pcs/submit'

export class FractalLBAClient {
  readonly #sign: Signer
  readonly #outbox: Outbox | undefined
  readonly #transport: Transport
  readonly #sender: Sender
  /** Numbers of outbox entries that this client is sending right now. */
  readonly #sending = new Set<number>()

  /** @throws RangeError for a key or URL that cannot be used. */
  constructor(options: ClientOptions) {
    this.#sign = signerOf(options.signingAlg ?? 'none', options.signingKey)
    this.#outbox = options.outbox
    const headers = {
      'content-type': 'application/json',
      ...(options.tenantID !== undefined && { 'x-tenant-id': options.tenantID }),
    }
    this.#transport = new Transport(options.baseURL, SUBMIT_PATH, headers, options.connections ?? DEFAULT_CONNECTIONS)
    this.#sender = new Sender(this.#transport, options.clock ?? systemClock, options.random ?? systemRandom, {
      deadlineMs: options.deadlineMs ?? DEFAULT_DEADLINE_MS,
      requestTimeoutMs: options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS,
      backoff: options.backoff ?? DEFAULT_BACKOFF,
    })
  }

  /**
   * Signs and submits, and resolves with the verifier's decision, whatever it is. With an outbox the summary is on disk before it is
   * sent; when this rejects with anything but a `ValidationError` it is still there, and `drain` sends it again.
   *
   * @throws ValidationError, SignatureError, QuotaError, UnavailableError, UnexpectedAnswerError; OutboxFull; the signal's reason.
   */
  async submitPCS(pcs: Pcs, options: SubmitOptions = {}): Promise<SubmitResult> {
    options.signal?.throwIfAborted()
    const signed = this.#sign(pcs)
    if (!this.#outbox) return this.#sender.send(signed.pcs_id, bodyOf(signed), options.deadlineMs, options.signal)
    const entry = await this.#outbox.append((seq) => {
      this.#sending.add(seq)
      return bodyOf({ ...signed, ft: { ...signed.ft, outbox_seq: seq } })
    })
    return this.#deliver(this.#outbox, entry, signed.pcs_id, options)
  }

  /**
   * Sends what waits in the outbox and is not being sent, oldest first, until it is empty or no verifier answers any more: what to call
   * after a start, and now and then. A wrong signature does not stop it: keys may have changed between.
   */
  async drain(options: SubmitOptions = {}): Promise<DrainReport> {
    const outbox = this.#outbox
    if (!outbox) return { delivered: [], refused: [], remaining: 0 }
    const delivered: SubmitResult[] = []
    const refused: { seq: number; error: Error }[] = []
    for (const entry of outbox.pending) {
      options.signal?.throwIfAborted()
      if (this.#sending.has(entry.seq) || !outbox.has(entry.seq)) continue
      this.#sending.add(entry.seq)
      try {
        delivered.push(await this.#deliver(outbox, entry, pcsIdIn(entry.body), options))
      } catch (error) {
        if (options.signal?.aborted || !(error instanceof Error)) throw error
        if (error instanceof UnavailableError || error instanceof QuotaError) break
        refused.push({ seq: entry.seq, error })
      }
    }
    return { delivered, refused, remaining: outbox.pending.length }
  }

  /** Closes the connections. The outbox is whoever's who opened it. */
  close(): void {
    this.#transport.close()
  }

  async #deliver(outbox: Outbox, entry: OutboxEntry, pcsId: string, options: SubmitOptions): Promise<SubmitResult> {
    try {
      const result = await this.#sender.send(pcsId, entry.body, options.deadlineMs, options.signal)
      outbox.settle(entry.seq)
      return result
    } catch (error) {
      // The summary itself is wrong: it would be refused for ever.
      if (error instanceof ValidationError) outbox.settle(entry.seq)
      throw error
    } finally {
      this.#sending.delete(entry.seq)
    }
  }
}

function bodyOf(pcs: Pcs): Buffer {
  return Buffer.from(JSON.stringify(pcs), 'utf8')
}

function pcsIdIn(body: Buffer): string {
  return (JSON.parse(body.toString('utf8')) as Pcs).pcs_id
}
