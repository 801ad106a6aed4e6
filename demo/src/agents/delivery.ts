/**
 * Brings a submission to an answer: through the client to one pod, and where that pod does not answer for a while, to the next one, as an
 * agent would that has a list of them. The bytes stay the same, so whoever had decided already gives the same answer.
 */
import { FractalLBAClient, type Outbox, type SubmitError, type SubmitResult, UnavailableError } from '@fractal-lba/client'
import type { Submission } from './submissions.ts'

/** How long one pod is tried before the next: longer than a verifier waits for its store, so that it can say what is wrong. */
const POD_PATIENCE_MS = 4000
/** Rounds through all pods; after them a submission counts as unanswered. */
const ROUNDS = 4
/** To each pod: at a few hundred requests a second some dozens are under way when a shard is slow. */
const CONNECTIONS = 64

export type Delivered =
  | { readonly kind: 'answered'; readonly pod: string; readonly result: SubmitResult }
  | { readonly kind: 'refused'; readonly pod: string; readonly error: SubmitError }
  | { readonly kind: 'unanswered'; readonly error: Error }

export interface DeliveryOptions {
  readonly pods: readonly { readonly name: string; readonly url: string }[]
  readonly tenant: string
  readonly hmacKey: string
  readonly outbox: Outbox
}

export class Delivery {
  /** Submissions that had to go to another pod, each time they did. */
  repeated = 0
  readonly #clients: readonly { readonly name: string; readonly client: FractalLBAClient }[]

  constructor({ pods, tenant, hmacKey, outbox }: DeliveryOptions) {
    this.#clients = pods.map(({ name, url }) => ({
      name,
      client: new FractalLBAClient({
        baseURL: url,
        tenantID: tenant,
        signingAlg: 'hmac',
        signingKey: hmacKey,
        outbox,
        deadlineMs: POD_PATIENCE_MS,
        backoff: { baseMs: 100, capMs: 1000 },
        connections: CONNECTIONS,
      }),
    }))
  }

  async deliver({ pcs }: Submission, firstPod: number): Promise<Delivered> {
    let last = new Error('there are no pods')
    for (let attempt = 0; attempt < this.#clients.length * ROUNDS; attempt++) {
      const pod = this.#clients[(firstPod + attempt) % this.#clients.length]
      if (!pod) break
      try {
        return { kind: 'answered', pod: pod.name, result: await pod.client.submitPCS(pcs) }
      } catch (error) {
        if (!(error instanceof Error)) throw error
        if (!(error instanceof UnavailableError)) {
          if (!('pcsId' in error)) throw error
          return { kind: 'refused', pod: pod.name, error: error as SubmitError }
        }
        last = error
        this.repeated++
      }
    }
    return { kind: 'unanswered', error: last }
  }

  close(): void {
    for (const { client } of this.#clients) client.close()
  }
}
