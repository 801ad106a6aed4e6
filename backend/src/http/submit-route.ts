/** `POST /v1/pcs/submit`: who is it, may it, then into the pipeline; and the way back of its answer. */
import { PcsSchema } from '@fractal-lba/protocol/pcs/schema'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Pipeline, Replies } from '../ingest/pipeline.ts'
import type { RefusalDetail } from '../ingest/refusals.ts'
import type { Counters } from '../metrics/counters.ts'
import type { Tenants } from '../tenants/tenants.ts'
import type { ConnectionAges } from './connection-age.ts'
import { ERRORS, type ErrorCode, type ErrorRow, renderError } from './errors.ts'
import { SUBMIT_RESPONSES, SubmitHeaders } from './submit-schema.ts'

const NO_BODY = Buffer.alloc(0)
const JSON_TYPE = 'application/json; charset=utf-8'

/** Answers through Fastify's reply, whichever stage the answer comes from. */
export class HttpReplies implements Replies<FastifyReply> {
  readonly #counters: Counters
  /** Set while the server closes: connections end with their answer, so that nobody waits for them to become idle. */
  lastAnswers = false
  /** Set once there is a server. */
  ages: ConnectionAges | undefined

  constructor(counters: Counters) {
    this.#counters = counters
  }

  decided(reply: FastifyReply, status: number, body: string): void {
    this.#counters.answered(status)
    // Past Fastify's own sending, which would look at hooks, types and encodings that this answer does not have: a microsecond less.
    reply.hijack()
    const headers = ['content-type', JSON_TYPE, 'content-length', `${body.length}`]
    if (this.lastAnswers || this.ages?.isOver(reply.raw.socket)) headers.push('connection', 'close')
    reply.raw.writeHead(status, headers)
    reply.raw.end(body, 'latin1')
  }

  refused(reply: FastifyReply, code: ErrorCode, detail: RefusalDetail | undefined, retryAfterSeconds?: number): void {
    const row: ErrorRow = ERRORS[code]
    this.#counters.answered(row.status)
    const seconds = retryAfterSeconds ?? row.retryAfterSeconds
    if (seconds !== undefined) reply.header('retry-after', seconds)
    if (this.lastAnswers || code === 'draining' || code === 'body_too_large') reply.header('connection', 'close')
    reply.code(row.status).header('content-type', JSON_TYPE).send(renderError(code, detail))
  }
}

export interface SubmitRouteParts {
  readonly tenants: Tenants
  readonly pipeline: Pipeline<FastifyReply>
  readonly replies: HttpReplies
  /** Milliseconds, monotonic. */
  readonly monotonic: () => number
}

export function addSubmitRoute(app: FastifyInstance, { tenants, pipeline, replies, monotonic }: SubmitRouteParts): void {
  app.route({
    method: 'POST',
    url: '/v1/pcs/submit',
    schema: {
      summary: 'Submit a Proof-of-Computation Summary',
      description:
        'Decides once for each pcs_id of a tenant: the first submission wins, and every later one gets the same answer. An answer of 200 or 202 means that the decision will outlive a crash.',
      operationId: 'submitPcs',
      headers: SubmitHeaders,
      body: PcsSchema,
      response: SUBMIT_RESPONSES,
    },
    // The schemas describe; they do not validate. The bytes go to the log first, and `parsePcs` is stricter than a validator.
    validatorCompiler: () => () => true,
    serializerCompiler: () => (data) => JSON.stringify(data),
    handler(request, reply) {
      const header = request.headers['x-tenant-id']
      const tenant = tenants.find(typeof header === 'string' ? header : undefined)
      if (!tenant) return replies.refused(reply, 'unknown_tenant', undefined)
      const waitSeconds = tenant.bucket.take(monotonic())
      if (waitSeconds > 0) {
        tenant.counters.quotaExceeded++
        return replies.refused(reply, 'rate_limited', undefined, waitSeconds)
      }
      const refusal = pipeline.submit(tenant, (request.body as Buffer | undefined) ?? NO_BODY, reply)
      if (refusal) replies.refused(reply, refusal, undefined)
    },
  })
}
