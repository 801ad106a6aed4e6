/**
 * Probes and metrics. `/healthz`: this process turns its event loop. `/readyz`: it can do its work, or the reason why not. Both are asked
 * by machines, so they answer from memory and at once.
 */

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface HealthParts {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** Undefined when ready. */
  readonly notReady: () => string | undefined
  readonly metrics: () => Promise<string>
}

export interface HealthServer {
  readonly url: string
  close(): Promise<void>
}

export async function startHealth(parts: HealthParts): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const answer = (status: number, body: string) =>
      response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(body)
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, 'method not allowed\n')
    switch (request.url) {
      case '/healthz':
        return answer(200, 'ok\n')
      case '/readyz': {
        const why = parts.notReady()
        return why === undefined ? answer(200, 'ok\n') : answer(503, `${why}\n`)
      }
      case '/metrics':
        parts.metrics().then(
          (text) => answer(200, text),
          (error: Error) => answer(500, `${error.message}\n`),
        )
        return
      default:
        return answer(404, 'not found\n')
    }
  })
  server.listen(parts.port, parts.host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { url: `http://${parts.host}:${port}`, close: () => closeServer(server) }
}

async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise<void>((resolve) => server.close(() => resolve()))
}
