import { once } from 'node:events'
import { Agent, createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { ConnectionAges } from './connection-age.ts'

const AGE_MS = 60_000

it('ends a connection with the first answer after its time, and no earlier', async () => {
  let nowMs = 0
  const server = createServer((request, response) => {
    if (ages.isOver(request.socket)) response.setHeader('connection', 'close')
    response.end('ok')
  })
  const ages = new ConnectionAges(
    server,
    AGE_MS,
    () => nowMs,
    () => 0.5,
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const ask = async () => {
    const [answer] = (await once(get({ port: (server.address() as AddressInfo).port, agent }), 'response')) as [
      import('node:http').IncomingMessage,
    ]
    answer.resume()
    await once(answer, 'end')
    return answer.headers.connection
  }
  expect(await ask()).toBe('keep-alive')
  nowMs = AGE_MS - 1
  expect(await ask()).toBe('keep-alive')
  nowMs = AGE_MS
  expect(await ask()).toBe('close')
  // The next one is young again.
  expect(await ask()).toBe('keep-alive')
  agent.destroy()
  server.close()
})
