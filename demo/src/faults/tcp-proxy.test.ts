import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { TcpProxy } from './tcp-proxy.ts'

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close()
})

async function echoBehindProxy(): Promise<{ proxy: TcpProxy; client: Socket }> {
  const server: Server = createServer((socket) => socket.pipe(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push(server)
  const proxy = await TcpProxy.open((server.address() as { port: number }).port)
  open.push(proxy)
  const client = connect(proxy.port, '127.0.0.1')
  await once(client, 'connect')
  open.push({ close: () => client.destroy() })
  return { proxy, client }
}

async function roundTrip(client: Socket, text: string): Promise<number> {
  const start = performance.now()
  client.write(text)
  const [data] = await once(client, 'data')
  expect(String(data)).toBe(text)
  return performance.now() - start
}

it('passes bytes at once, and after its delay in each direction when it has one', async () => {
  const { proxy, client } = await echoBehindProxy()
  expect(await roundTrip(client, 'quick')).toBeLessThan(50)
  proxy.delayMs = 60
  expect(await roundTrip(client, 'slow')).toBeGreaterThanOrEqual(118)
  proxy.restore()
  expect(await roundTrip(client, 'quick again')).toBeLessThan(50)
})

it('keeps the order of bytes when the delay is lowered while some are on their way', async () => {
  const { proxy, client } = await echoBehindProxy()
  proxy.delayMs = 80
  client.write('first,')
  await new Promise((resolve) => setTimeout(resolve, 10))
  proxy.delayMs = 0
  client.write('second')
  let seen = ''
  for await (const chunk of client) {
    seen += String(chunk)
    if (seen.length >= 'first,second'.length) break
  }
  expect(seen).toBe('first,second')
})

it('carries megabytes to a reader that is slower than the writer without losing any', async () => {
  const { client } = await echoBehindProxy()
  const sent = Buffer.alloc(8 * 1024 * 1024, 'x')
  client.end(sent)
  let received = 0
  for await (const chunk of client) received += (chunk as Buffer).length
  expect(received).toBe(sent.length)
})

it('drops what is connected when it is cut, refuses until restored, then serves again', async () => {
  const { proxy, client } = await echoBehindProxy()
  const closed = once(client, 'close')
  client.on('error', () => {})
  proxy.cut()
  await closed
  const refused = connect(proxy.port, '127.0.0.1')
  refused.on('error', () => {})
  await once(refused, 'close')
  proxy.restore()
  const again = connect(proxy.port, '127.0.0.1')
  open.push({ close: () => again.destroy() })
  await once(again, 'connect')
  await roundTrip(again, 'back')
})
