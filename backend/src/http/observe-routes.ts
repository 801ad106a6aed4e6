/** What watches the pod asks here: liveness, readiness, metrics, and the description of the API. */
import { timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'

export interface ObserveRouteParts {
  /** Undefined while the pod is ready for submissions, else why not. */
  readonly notReadyReason: () => string | undefined
  readonly exposition: () => Promise<string>
  readonly expositionType: string
  readonly metricsAuth: { readonly user: string; readonly password: string } | undefined
}

export function addObserveRoutes(app: FastifyInstance, parts: ObserveRouteParts): void {
  app.get(
    '/health',
    { schema: { summary: 'The process lives', operationId: 'health', response: { 200: Type.String({ const: 'OK' }) } } },
    (_request, reply) => reply.type('text/plain').send('OK'),
  )
  app.get(
    '/ready',
    {
      schema: {
        summary: 'The pod takes submissions',
        operationId: 'ready',
        response: { 200: Type.String(), 503: Type.String({ description: 'why it does not' }) },
      },
    },
    (_request, reply) => {
      const reason = parts.notReadyReason()
      return reply
        .code(reason === undefined ? 200 : 503)
        .type('text/plain')
        .send(reason ?? 'ready')
    },
  )
  app.get(
    '/metrics',
    {
      schema: { summary: 'Prometheus exposition', operationId: 'metrics', response: { 200: Type.String(), 401: Type.String() } },
      ...(parts.metricsAuth && { onRequest: basicAuth(parts.metricsAuth) }),
    },
    async (_request, reply) => reply.type(parts.expositionType).send(await parts.exposition()),
  )
  app.get(
    '/openapi.json',
    {
      schema: {
        summary: 'This description',
        operationId: 'openapi',
        response: { 200: Type.Object({}, { additionalProperties: true }) },
      },
    },
    (_request, reply) => reply.type('application/json').send(JSON.stringify(app.swagger())),
  )
}

function basicAuth({ user, password }: { user: string; password: string }) {
  const expected = Buffer.from(`Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`)
  return (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    const given = Buffer.from(request.headers.authorization ?? '')
    if (given.length === expected.length && timingSafeEqual(given, expected)) {
      done()
      return
    }
    reply
      .code(401)
      .header('www-authenticate', 'Basic realm="metrics", charset="UTF-8"')
      .type('text/plain')
      .send('metrics need a user and a password')
  }
}
