/**
 * Asks the API server who a bearer token belongs to and whether that user may `get` a path (TokenReview, SubjectAccessReview), as its
 * own endpoints do. Answers are kept for a short time, under a hash of the token; the number of kept answers and of questions at once is
 * bounded, so that guessing tokens burdens nobody.
 */
import { createHash } from 'node:crypto'
import type { KubeClient } from '../client/kube-client.ts'
import type { KubeObject, ResourceType } from '../client/objects.ts'
import type { Clock } from '../clock.ts'

export type Access = 'allowed' | 'unauthenticated' | 'forbidden' | 'busy'

const KEPT_MS = 30_000
const MAX_KEPT = 256
const MAX_ASKING = 8
const ASK_LIMIT_MS = 5_000
/** No token of a cluster is longer. */
const MAX_TOKEN_CHARACTERS = 16_384

interface TokenReview extends KubeObject {
  readonly spec: { readonly token: string }
  readonly status?: {
    readonly authenticated?: boolean
    readonly user?: {
      readonly username?: string
      readonly uid?: string
      readonly groups?: readonly string[]
      readonly extra?: Readonly<Record<string, readonly string[]>>
    }
  }
}

interface SubjectAccessReview extends KubeObject {
  readonly spec: {
    readonly user?: string
    readonly uid?: string
    readonly groups?: readonly string[]
    readonly extra?: Readonly<Record<string, readonly string[]>>
    readonly nonResourceAttributes: { readonly path: string; readonly verb: string }
  }
  readonly status?: { readonly allowed?: boolean }
}

const TOKEN_REVIEW: ResourceType<TokenReview> = {
  group: 'authentication.k8s.io',
  version: 'v1',
  plural: 'tokenreviews',
  kind: 'TokenReview',
  namespaced: false,
}

const SUBJECT_ACCESS_REVIEW: ResourceType<SubjectAccessReview> = {
  group: 'authorization.k8s.io',
  version: 'v1',
  plural: 'subjectaccessreviews',
  kind: 'SubjectAccessReview',
  namespaced: false,
}

export class AccessReview {
  readonly #client: KubeClient
  readonly #path: string
  readonly #clock: Clock
  readonly #kept = new Map<string, { untilMs: number; access: Promise<Access> }>()
  #asking = 0

  constructor(client: KubeClient, path: string, clock: Clock) {
    this.#client = client
    this.#path = path
    this.#clock = clock
  }

  /** Of the `Authorization` header. @throws ApiError, TransportError where the API server does not say. */
  async of(authorization: string | undefined): Promise<Access> {
    const token = /^Bearer +([\x21-\x7e]+)$/i.exec(authorization ?? '')?.[1]
    if (token === undefined || token.length > MAX_TOKEN_CHARACTERS) return 'unauthenticated'
    const key = createHash('sha256').update(token).digest('base64')
    const nowMs = this.#clock.now()
    const kept = this.#kept.get(key)
    if (kept && kept.untilMs > nowMs) return kept.access
    if (this.#asking >= MAX_ASKING) return 'busy'
    const access = this.#ask(token)
    this.#kept.delete(key)
    this.#kept.set(key, { untilMs: nowMs + KEPT_MS, access })
    if (this.#kept.size > MAX_KEPT) this.#kept.delete(this.#kept.keys().next().value as string)
    try {
      return await access
    } catch (error) {
      this.#kept.delete(key)
      throw error
    }
  }

  async #ask(token: string): Promise<Access> {
    this.#asking++
    try {
      const limits = { timeoutMs: ASK_LIMIT_MS }
      const { status } = await this.#client.create(TOKEN_REVIEW, { metadata: NAMELESS, spec: { token } }, limits)
      if (!status?.authenticated || !status.user) return 'unauthenticated'
      const { username, uid, groups, extra } = status.user
      const review = await this.#client.create(
        SUBJECT_ACCESS_REVIEW,
        {
          metadata: NAMELESS,
          spec: {
            nonResourceAttributes: { path: this.#path, verb: 'get' },
            ...(username !== undefined && { user: username }),
            ...(uid !== undefined && { uid }),
            ...(groups && { groups }),
            ...(extra && { extra }),
          },
        },
        limits,
      )
      return review.status?.allowed === true ? 'allowed' : 'forbidden'
    } finally {
      this.#asking--
    }
  }
}

/** Reviews are questions, not objects. */
const NAMELESS = { name: '' }
