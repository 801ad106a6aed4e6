import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { Connection } from './connection.ts'
import { Transport } from './transport.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

async function transportTo(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  change: Partial<Connection> = {},
) {
  const server = createServer(handle).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const answers: string[] = []
  const connection: Connection = {
    server: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/prefix`),
    tls: { rejectUnauthorized: true },
    namespace: 'default',
    authorize: async () => ({ authorization: 'Bearer very-secret' }),
    ...change,
  }
  const transport = new Transport(connection, 'test', (code, method) => answers.push(`${method} ${code}`))
  closers.push(() => {
    transport.close()
    server.closeAllConnections()
    server.close()
  })
  return { transport, answers }
}

const failureOf = (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => new Error('it succeeded'),
    (error) => error,
  )

describe('the transport', () => {
  it('shows who we are, keeps its connection, and takes the whole answer', async () => {
    const ports = new Set<number | undefined>()
    const { transport, answers } = await transportTo((request, response) => {
      ports.add(request.socket.remotePort)
      response.end(`${request.headers.authorization} ${request.headers['user-agent']} ${request.url}`)
    })
    for (let i = 0; i < 3; i++)
      expect((await transport.send({ method: 'GET', path: '/x?a=b' })).text).toBe('Bearer very-secret test /prefix/x?a=b')
    expect(ports.size).toBe(1)
    expect(answers).toEqual(['GET 200', 'GET 200', 'GET 200'])
  })

  it.each<[string, (request: IncomingMessage, response: ServerResponse) => void, RegExp]>([
    ['there is no answer', () => {}, /^GET \/x: no answer within 50 ms$/],
    [
      'an answer stops half-way',
      (_, response) => void response.writeHead(200).write('half'),
      /^GET \/x: no answer within 50 ms$/,
    ],
  ])('ends within its time when %s, and names no credentials', async (_, handle, message) => {
    const { transport } = await transportTo(handle)
    const error = await failureOf(transport.send({ method: 'GET', path: '/x?token=very-secret', timeoutMs: 50 }))
    expect(error.message).toMatch(message)
    expect(JSON.stringify([error.message, error.stack])).not.toContain('very-secret')
  })

  it('ends within its time when whatever shows who we are does not answer', async () => {
    const { transport } = await transportTo((_, response) => response.end(), { authorize: () => new Promise(() => {}) })
    expect((await failureOf(transport.send({ method: 'GET', path: '/x', timeoutMs: 50 }))).message).toBe(
      'GET /x: no answer within 50 ms',
    )
  })

  it('takes no answer beyond its limit', async () => {
    const { transport } = await transportTo((_, response) => {
      const chunk = Buffer.alloc(4 << 20)
      const more = () => {
        while (!response.destroyed && response.write(chunk));
      }
      response.on('drain', more)
      more()
    })
    expect((await failureOf(transport.send({ method: 'GET', path: '/x' }))).message).toBe(
      'GET /x: the answer is larger than 67108864 bytes',
    )
  })

  it('repeats a read over a connection that the server had closed meanwhile, and never a write', async () => {
    const seen: string[] = []
    const { transport } = await transportTo((request, response) => {
      seen.push(request.method as string)
      // Each connection serves one request; the next is reset unread.
      const served = request.socket as typeof request.socket & { served?: boolean }
      if (served.served) request.socket.resetAndDestroy()
      else response.end('fine')
      served.served = true
    })
    await transport.send({ method: 'GET', path: '/x' })
    expect((await transport.send({ method: 'GET', path: '/x' })).text).toBe('fine')
    expect((await failureOf(transport.send({ method: 'POST', path: '/x', body: '{}' }))).message).toMatch(
      /^POST \/x: .*(hang up|ECONNRESET)/,
    )
    expect(seen).toEqual(['GET', 'GET', 'GET', 'POST'])
  })
})
