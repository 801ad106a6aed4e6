/** A small HTTP(S) server that no client can exhaust: few connections, short requests, no bodies. */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'

const MAX_CONNECTIONS = 64
const REQUEST_MS = 10_000
/** Certificates are renewed on disk while we run. */
const CERTIFICATE_RELOAD_MS = 60_000

export interface ListenOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly tls?: { readonly certFile: string; readonly keyFile: string }
  /** For reading a renewed certificate. */
  readonly onError: (doing: string, error: unknown) => void
}

export interface Listening {
  readonly url: string
  close(): Promise<void>
}

/** The answer to a GET; its body is text. */
export interface Reply {
  readonly status: number
  readonly body: string
  readonly contentType?: string
}

export async function listen(
  options: ListenOptions,
  answer: (request: IncomingMessage) => Reply | Promise<Reply>,
): Promise<Listening> {
  const limits = { headersTimeout: REQUEST_MS, requestTimeout: REQUEST_MS, keepAliveTimeout: REQUEST_MS }
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    request.resume()
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return send(response, { status: 405, body: 'only GET is served here\n' })
    Promise.resolve()
      .then(() => answer(request))
      .then(
        (reply) => send(response, reply),
        (error) => {
          options.onError(`answering ${request.url?.split('?', 1)[0]}`, error)
          send(response, { status: 500, body: 'an internal error, see the log\n' })
        },
      )
  }
  const { tls } = options
  const server: Server | TlsServer = tls
    ? createTlsServer({ ...limits, ...(await read(tls)) }, handle)
    : createServer(limits, handle)
  server.maxConnections = MAX_CONNECTIONS
  server.listen(options.port, options.host)
  await once(server, 'listening')
  const reload =
    tls &&
    setInterval(
      () =>
        read(tls).then(
          (context) => (server as TlsServer).setSecureContext(context),
          (error) => options.onError('reading the renewed certificate', error),
        ),
      CERTIFICATE_RELOAD_MS,
    )
  reload?.unref()
  const { port } = server.address() as AddressInfo
  return {
    url: `${tls ? 'https' : 'http'}://${options.host}:${port}`,
    async close() {
      clearInterval(reload)
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

async function read(tls: { readonly certFile: string; readonly keyFile: string }) {
  return { cert: await readFile(tls.certFile), key: await readFile(tls.keyFile), minVersion: 'TLSv1.2' as const }
}

function send(response: ServerResponse, { status, body, contentType = 'text/plain; charset=utf-8' }: Reply): void {
  response.writeHead(status, { 'content-type': contentType }).end(body)
}
