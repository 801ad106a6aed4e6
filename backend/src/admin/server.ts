/**
 * The admin port: what the operator asks and tells a pod. Every call needs the bearer token, compared in constant time; without a
 * token in the configuration there is no such port.
 */
import { hash, timingSafeEqual } from 'node:crypto'
import type { ConfigPush } from '@fractal-lba/protocol/config/fleet-config'
import { checkPoliciesPush, type PoliciesPush } from '@fractal-lba/protocol/config/policies'
import { formatSlots } from '@fractal-lba/protocol/ring/slot-ranges'
import type { PodReport } from '@fractal-lba/protocol/telemetry/pod-report'
import fastify, { type FastifyInstance } from 'fastify'
import { isConfigPush } from '../config/config-push-schema.ts'
import type { ApplyResult } from '../dedup/sharded/fleet-membership.ts'
import type { PoliciesResult } from '../policies/pod-policies.ts'
import type { TlsMaterial } from './tls.ts'

export interface AdminParts {
  readonly token: string
  readonly report: () => PodReport
  readonly applyConfig: (push: ConfigPush) => Promise<ApplyResult>
  readonly applyPolicies: (push: PoliciesPush) => Promise<PoliciesResult>
  /** Slots by shard id, as this pod routes them; empty where the store has no shards. */
  readonly slots: () => ReadonlyMap<string, readonly number[]>
  /** Takes no submissions from here on; the process stays until it is told to end. */
  readonly drain: () => void
  /** @returns false when no shard of this id had lost state. */
  readonly acknowledge: (shard: string) => boolean
  /** Served as HTTPS where given; `ca` makes a client certificate of it a must, besides the token. */
  readonly tls: TlsMaterial | undefined
  readonly onError: (error: unknown) => void
}

/** A config that slows all slots down is some 100 KiB. */
const MAX_BODY_BYTES = 1024 * 1024

export function buildAdminServer(parts: AdminParts): FastifyInstance {
  const options = { logger: false, bodyLimit: MAX_BODY_BYTES, forceCloseConnections: 'idle', return503OnClosing: false } as const
  const { tls } = parts
  const app = (
    tls ? fastify({ ...options, https: { ...tls, minVersion: 'TLSv1.2', requestCert: tls.ca !== undefined } }) : fastify(options)
  ) as FastifyInstance
  const expected = digestOf(`Bearer ${parts.token}`)

  app.addHook('onRequest', (request, reply, done) => {
    if (timingSafeEqual(digestOf(request.headers.authorization ?? ''), expected)) {
      done()
      return
    }
    reply
      .code(401)
      .header('www-authenticate', 'Bearer')
      .send({ error: 'unauthorized', message: 'the admin API needs its bearer token' })
  })
  app.setErrorHandler((error, _request, reply) => {
    const { statusCode = 500, message } = error as { statusCode?: number; message: string }
    if (statusCode >= 500) parts.onError(error)
    reply
      .code(statusCode)
      .send({ error: statusCode >= 500 ? 'internal' : 'bad_request', message: statusCode >= 500 ? 'see the log' : message })
  })

  app.get('/admin/v1/report', (_request, reply) => reply.send(parts.report()))

  app.get('/admin/v1/slots', (_request, reply) =>
    reply.send({ slots: Object.fromEntries([...parts.slots()].map(([shard, slots]) => [shard, formatSlots(slots)])) }),
  )

  app.put('/admin/v1/config', async (request, reply) => {
    const push = request.body
    if (!isConfigPush(push))
      return reply.code(400).send({ error: 'invalid', message: 'the body is not {generation, revision, config}' })
    const result = await parts.applyConfig(push)
    switch (result.kind) {
      case 'applied':
        return reply.send({ revision: push.revision, generation: push.generation })
      case 'fenced':
        return reply.code(409).send({ error: 'fenced', message: `generation ${result.seen} has been seen`, seen: result.seen })
      case 'invalid':
        return reply.code(400).send({ error: 'invalid', message: result.problem })
      case 'unreachable':
        return reply.code(503).send({ error: 'unreachable', message: result.problem })
    }
  })

  app.put('/admin/v1/policies', async (request, reply) => {
    const checked = checkPoliciesPush(request.body)
    if (!checked.ok)
      return reply.code(400).send({ error: 'invalid', field: checked.field, message: `${checked.field} ${checked.problem}` })
    const { push } = checked
    const result = await parts.applyPolicies(push)
    if (result.kind === 'fenced')
      return reply.code(409).send({ error: 'fenced', message: `epoch ${result.seen} has been seen`, seen: result.seen })
    return reply.send({ revision: push.revision, epoch: push.epoch })
  })

  app.post('/admin/v1/drain', (_request, reply) => {
    parts.drain()
    return reply.code(202).send({ draining: true })
  })

  app.post('/admin/v1/acknowledge', (request, reply) => {
    const { shard } = (request.body ?? {}) as { shard?: unknown }
    if (typeof shard !== 'string') return reply.code(400).send({ error: 'invalid', message: 'the body is not {"shard": "<id>"}' })
    if (!parts.acknowledge(shard))
      return reply.code(404).send({ error: 'not_found', message: 'no shard of this id has lost state' })
    return reply.send({ acknowledged: shard })
  })
  return app
}

/** Of equal length whatever was sent, so that the comparison takes the same time. */
function digestOf(text: string): Buffer {
  return hash('sha256', text, 'buffer')
}
