/** A TCP proxy in front of a server that can let a request through and lose its reply: the connection is cut when the reply comes. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface DroppingProxy {
  readonly port: number
  /** How many replies were lost. */
  readonly dropped: number
  /** The next reply is lost, after the server has done what was asked. */
  dropNextReply(): void
  close(): Promise<void>
}

export async function startDroppingProxy(targetPort: number): Promise<DroppingProxy> {
  const open = new Set<Socket>()
  let armed = false
  let dropped = 0
  const server = createServer((client) => {
    const upstream = connect(targetPort, '127.0.0.1')
    for (const socket of [client, upstream]) {
      open.add(socket)
      socket.on('close', () => open.delete(socket))
      socket.on('error', () => socket.destroy())
    }
    client.pipe(upstream)
    upstream.on('data', (reply) => {
      if (!armed) {
        client.write(reply)
        return
      }
      armed = false
      dropped++
      client.destroy()
      upstream.destroy()
    })
    upstream.on('end', () => client.end())
    client.on('close', () => upstream.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    get dropped() {
      return dropped
    },
    dropNextReply() {
      armed = true
    },
    async close() {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
