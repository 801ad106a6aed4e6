/**
 * The public port: routes, limits and what Fastify itself refuses. Everything that is the same for each request is made once here, since
 * this is on the path of every submission: no logger, no validator and no timer per request.
 */
import swagger from '@fastify/swagger'
import fastify, { type FastifyInstance } from 'fastify'
import { ConnectionAges } from './connection-age.ts'
import type { ErrorCode } from './errors.ts'
import { addObserveRoutes, type ObserveRouteParts } from './observe-routes.ts'
import { readBodiesAsBytes } from './read-body.ts'
import { refuseRawly } from './refuse-rawly.ts'
import { addSubmitRoute, type SubmitRouteParts } from './submit-route.ts'

/** Headers of a summary's request are a few hundred bytes. */
const MAX_HEADER_BYTES = 16 * 1024
const HEADERS_TIMEOUT_MS = 10_000
/** A body of 64 KiB takes this long at 4 KiB/s. */
const REQUEST_TIMEOUT_MS = 15_000
/** Longer than the idle time of common load balancers, so that they are the ones that close. */
const KEEP_ALIVE_MS = 75_000

export interface ServerParts extends SubmitRouteParts, ObserveRouteParts {
  readonly version: string
  readonly random: () => number
  /** See connection-age.ts. */
  readonly connectionAgeMs: number
  readonly onError: (error: unknown) => void
}

export async function buildServer(parts: ServerParts): Promise<FastifyInstance> {
  const app = fastify({
    logger: false,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    http: { maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: 2_000 },
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, allErrors: false } },
    clientErrorHandler: (error, socket) => refuseRawly(error, socket),
  })
  await app.register(swagger, {
    openapi: {
      openapi: '3.0.3',
      info: {
        title: 'Fractal LBA verifier',
        version: parts.version,
        description: 'Verifies signed Proof-of-Computation Summaries and decides each one once.',
      },
    },
  })
  readBodiesAsBytes(app)
  app.setNotFoundHandler((_request, reply) => parts.replies.refused(reply, 'not_found', undefined))
  app.setErrorHandler((error, _request, reply) => {
    const code = codeOf(error)
    if (code === 'internal') parts.onError(error)
    parts.replies.refused(reply, code, undefined)
  })
  parts.replies.ages = new ConnectionAges(app.server, parts.connectionAgeMs, parts.monotonic, parts.random)
  addSubmitRoute(app, parts)
  addObserveRoutes(app, parts)
  return app
}

/** Which row of our table an error of the framework is. */
function codeOf(error: unknown): ErrorCode {
  const { code, statusCode } = error as { code?: string; statusCode?: number }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return 'unsupported_media_type'
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return 'body_too_large'
  if (code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE') return 'bad_request'
  return statusCode !== undefined && statusCode >= 400 && statusCode < 500 ? 'bad_request' : 'internal'
}
