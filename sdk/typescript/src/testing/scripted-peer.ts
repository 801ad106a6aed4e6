/** An HTTP peer whose answers a test writes down, one a request; the last one stays. It keeps what it was sent. */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Step =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: unknown }
  /** Reads the request, then cuts the connection: the answer is lost. */
  | 'cut'
  /** Reads the request and never answers. */
  | 'hang'

export interface ScriptedPeer extends AsyncDisposable {
  readonly url: string
  readonly requests: { readonly path: string; readonly headers: IncomingHttpHeaders; readonly body: Buffer }[]
  /** Sockets opened so far. */
  readonly connections: () => number
  readonly nextRequest: () => Promise<void>
  script(...steps: Step[]): void
}

export const ACCEPTED: Step = {
  status: 200,
  body: { accepted: true, recomputed_D_hat: 1.5, recomputed_budget: 0.25, reason: '', escalated: false },
}

export async function scriptedPeer(...steps: Step[]): Promise<ScriptedPeer> {
  const requests: ScriptedPeer['requests'] = []
  let script = steps.length > 0 ? steps : [ACCEPTED]
  let connections = 0
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      requests.push({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks) })
      const step = (script.length > 1 ? script.shift() : script[0]) as Step
      if (step === 'cut') request.socket.destroy()
      else if (step !== 'hang') answer(response, step)
      server.emit('handled')
    })
  })
  server.on('connection', () => connections++)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    connections: () => connections,
    nextRequest: async () => {
      await once(server, 'handled')
    },
    script: (...next) => {
      script = next
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function answer(response: ServerResponse, step: Exclude<Step, string>): void {
  const body = typeof step.body === 'string' ? step.body : JSON.stringify(step.body ?? {})
  response.writeHead(step.status, { 'content-type': 'application/json', ...step.headers }).end(body)
}
