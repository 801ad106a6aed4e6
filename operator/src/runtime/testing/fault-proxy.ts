/**
 * Stands between a client and a real API server, passes everything through, and does on demand what networks and servers do at their
 * worst. Rules are tried in order, the first that matches decides; a rule with `times` is used up. Every request is recorded.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { ControlPlane } from '@fractal-lba/servers/kubernetes/control-plane'
import type { Connection } from '../client/connection.ts'

export interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly isWatch: boolean
  readonly atMs: number
}

export type Fault =
  /** Answers without asking the API server. */
  | { readonly kind: 'status'; readonly status: number; readonly reason: string; readonly retryAfterSeconds?: number }
  /** Resets the connection without an answer. */
  | { readonly kind: 'reset' }
  /** Takes the request and says nothing, ever. */
  | { readonly kind: 'hang' }
  /** Passes the answer on when the promise resolves: slow lists, late events. */
  | { readonly kind: 'hold'; readonly until: Promise<void> }
  /** Passes so many lines of a stream on, then resets it, or falls silent with an open connection. */
  | { readonly kind: 'reset-after' | 'hang-after'; readonly lines: number }
  /** Writes this into the stream after so many lines of it, and ends it. */
  | { readonly kind: 'inject'; readonly lines: number; readonly text: string }
  /** Performs the request and loses the answer. */
  | { readonly kind: 'lose-answer' }
  /** Takes the request, resets the connection, and performs it when the promise resolves. */
  | { readonly kind: 'late'; readonly until: Promise<void> }

export interface Rule {
  readonly when: (request: SeenRequest) => boolean
  readonly fault: Fault
  /** Default: for ever. */
  readonly times?: number
}

export interface FaultProxy {
  readonly url: string
  /** What a client uses to come through here. */
  readonly connection: Connection
  readonly requests: SeenRequest[]
  /** HTTP status of each answer to a request that came late. */
  readonly lateAnswers: readonly number[]
  /** @returns a function that takes the rule back. */
  add(rule: Rule): () => void
  /** Open watches, as passed through. */
  readonly openWatches: number
  /** Resets all connections that are open. */
  cut(): void
  /** Takes all rules back, and resets what hangs. */
  heal(): void
  close(): Promise<void>
}

/** As the API server says it within a stream. */
export const EXPIRED_LINE = `${JSON.stringify({
  type: 'ERROR',
  object: {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    message: 'too old resource version',
    reason: 'Expired',
    code: 410,
  },
})}\n`

export async function startFaultProxy(plane: ControlPlane, token: string): Promise<FaultProxy> {
  const rules: { rule: Rule; left: number }[] = []
  const requests: SeenRequest[] = []
  const lateAnswers: number[] = []
  const sockets = new Set<Socket>()
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false })
  let openWatches = 0

  const faultOf = (seen: SeenRequest): Fault | undefined => {
    const entry = rules.find(({ rule, left }) => left > 0 && rule.when(seen))
    if (entry) entry.left--
    return entry?.rule.fault
  }

  const server = createServer((incoming, outgoing) => {
    const url = new URL(incoming.url ?? '/', 'http://proxy')
    const query = Object.fromEntries(url.searchParams)
    const seen = {
      method: incoming.method ?? '',
      path: url.pathname,
      query,
      isWatch: query.watch === 'true',
      atMs: performance.now(),
    }
    requests.push(seen)
    const fault = faultOf(seen)
    if (fault?.kind === 'status') return answerStatus(outgoing, fault)
    if (fault?.kind === 'reset') return void incoming.socket.destroy()
    if (fault?.kind === 'hang') return
    if (fault?.kind === 'late') return void comeLate(incoming, fault.until).catch(() => lateAnswers.push(0))
    pass(incoming, outgoing, fault, seen.isWatch).catch(() => incoming.socket.destroy())
  })

  const comeLate = async (incoming: IncomingMessage, until: Promise<void>) => {
    const body: Buffer[] = []
    for await (const chunk of incoming as AsyncIterable<Buffer>) body.push(chunk)
    const { method, url, headers } = incoming
    incoming.socket.destroy()
    await until
    const upstream = httpsRequest(plane.url + url, { method, headers, agent }).end(Buffer.concat(body))
    const [answer] = (await once(upstream, 'response')) as [IncomingMessage]
    answer.resume()
    lateAnswers.push(answer.statusCode ?? 0)
  }

  const pass = async (incoming: IncomingMessage, outgoing: ServerResponse, fault: Fault | undefined, isWatch: boolean) => {
    const upstream = httpsRequest(plane.url + incoming.url, { method: incoming.method, headers: incoming.headers, agent })
    outgoing.on('close', () => upstream.destroy())
    incoming.pipe(upstream)
    const [answer] = (await once(upstream, 'response')) as [IncomingMessage]
    if (fault?.kind === 'hold' && !isWatch) await fault.until
    if (fault?.kind === 'lose-answer') return void incoming.socket.destroy()
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
    outgoing.flushHeaders()
    if (isWatch) openWatches++
    try {
      let lines = 0
      let rest = ''
      for await (const chunk of answer.setEncoding('utf8') as AsyncIterable<string>) {
        if (fault?.kind === 'hold' && isWatch) await fault.until
        if (!fault || !('lines' in fault)) {
          outgoing.write(chunk)
          continue
        }
        const parts = (rest + chunk).split('\n')
        rest = parts.pop() as string
        for (const line of parts) {
          if (lines++ < fault.lines) outgoing.write(`${line}\n`)
        }
        if (lines >= fault.lines && end(outgoing, fault)) return
      }
      outgoing.end()
    } finally {
      if (isWatch) openWatches--
    }
  }

  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
  })
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    connection: {
      server: new URL(url),
      tls: { rejectUnauthorized: true },
      namespace: 'default',
      authorize: async () => ({ authorization: `Bearer ${token}` }),
    },
    requests,
    lateAnswers,
    add(rule) {
      const entry = { rule, left: rule.times ?? Number.POSITIVE_INFINITY }
      rules.push(entry)
      return () => {
        entry.left = 0
      }
    },
    get openWatches() {
      return openWatches
    },
    cut,
    heal() {
      rules.length = 0
      cut()
    },
    async close() {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
      agent.destroy()
    },
  }
}

function answerStatus(outgoing: ServerResponse, fault: Extract<Fault, { kind: 'status' }>): void {
  const { status, reason, retryAfterSeconds } = fault
  const retryAfter = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }
  outgoing.writeHead(status, { 'content-type': 'application/json', ...retryAfter })
  outgoing.end(
    JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, code: status, message: `injected ${status}` }),
  )
}

/** @returns whether the stream is over for the one who passes it on. */
function end(outgoing: ServerResponse, fault: Fault): boolean {
  if (fault.kind === 'reset-after') outgoing.socket?.resetAndDestroy()
  if (fault.kind === 'inject') outgoing.end(fault.text)
  return fault.kind === 'reset-after' || fault.kind === 'inject'
}
