/**
 * One call to an admin port: HTTP, or HTTPS with a client certificate. It ends by its deadline, whatever the other side does; the answer is
 * bounded; a redirect is an answer like any other, so that a token never goes elsewhere. Connections are kept for the next call.
 */
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest, Agent as TlsAgent } from 'node:https'

/** PEM texts. */
export interface AdminTls {
  /** Who must have issued the pod's certificate. */
  readonly ca: string
  /** What this operator shows of itself. */
  readonly cert: string
  readonly key: string
  /** A name that the pod's certificate must hold: pods are called by their address, which no certificate holds. */
  readonly serverName: string
}

export interface AdminCall {
  readonly method: 'GET' | 'PUT'
  readonly url: URL
  readonly token: string
  readonly body?: string
  readonly timeoutMs: number
  readonly tls: AdminTls | undefined
}

export interface AdminAnswer {
  readonly status: number
  readonly text: string
}

const MAX_ANSWER_BYTES = 4 * 1_048_576
const IDLE_MS = 10_000
const plain = new Agent({ keepAlive: true, timeout: IDLE_MS })
const encrypted = new TlsAgent({ keepAlive: true, timeout: IDLE_MS })

/** @throws Error that says why there was no whole answer. */
export async function callAdmin(call: AdminCall): Promise<AdminAnswer> {
  // Not AbortSignal.timeout: of a thousand calls that were answered long ago a thousand timers would still fire, each with an error's stack.
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), call.timeoutMs)
  const { signal } = late
  try {
    return await send(call, signal).catch((error: Error) => {
      // A pod that has started again does not know the connection that was kept; every call may be repeated.
      if (!(error instanceof KeptConnectionBroke)) throw error
      return send(call, signal)
    })
  } catch (error) {
    throw signal.aborted ? new Error(`no answer within ${call.timeoutMs} ms`) : error
  } finally {
    clearTimeout(timer)
  }
}

class KeptConnectionBroke extends Error {}

function send({ method, url, token, body, tls }: AdminCall, signal: AbortSignal): Promise<AdminAnswer> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      ...(body !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
    }
    const sent =
      url.protocol === 'https:'
        ? httpsRequest(url, { method, headers, signal, agent: encrypted, ...tlsOptions(tls) })
        : httpRequest(url, { method, headers, signal, agent: plain })
    sent.on('error', (error: NodeJS.ErrnoException) =>
      reject(sent.reusedSocket && error.code === 'ECONNRESET' ? new KeptConnectionBroke(error.code) : error),
    )
    sent.on('response', (response) => readAnswer(response).then(resolve, reject))
    sent.end(body)
  })
}

function tlsOptions(tls: AdminTls | undefined): object {
  if (!tls) return {}
  return { ca: tls.ca, cert: tls.cert, key: tls.key, servername: tls.serverName, minVersion: 'TLSv1.2' }
}

async function readAnswer(response: IncomingMessage): Promise<AdminAnswer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`its answer is longer than ${MAX_ANSWER_BYTES} bytes`)
    chunks.push(chunk)
  }
  return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }
}
