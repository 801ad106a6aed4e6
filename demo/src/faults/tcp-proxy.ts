/**
 * A real TCP proxy on 127.0.0.1 in front of one server, whose network can be made worse while connections live through it: every
 * chunk waits `delayMs` in each direction (order is kept), and `cut` drops what is connected and refuses what comes. Backpressure passes
 * through: a peer that does not read stops the other one.
 */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

export class TcpProxy {
  /** One-way delay of each chunk; takes effect for chunks that arrive from now on. */
  delayMs = 0
  readonly #server: Server
  readonly #pairs = new Set<readonly [Socket, Socket]>()
  #refusing = false

  private constructor(server: Server) {
    this.#server = server
  }

  /** @param listenPort 0: any free one. */
  static async open(targetPort: number, listenPort = 0): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: true, noDelay: true })
    const proxy = new TcpProxy(server)
    server.on('connection', (client) => proxy.#accept(client, targetPort))
    server.listen(listenPort, '127.0.0.1')
    await once(server, 'listening')
    return proxy
  }

  get port(): number {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the proxy is closed')
    return address.port
  }

  /** Drops every connection and refuses new ones until `restore`. */
  cut(): void {
    this.#refusing = true
    this.#dropAll()
  }

  restore(): void {
    this.#refusing = false
    this.delayMs = 0
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#dropAll()
    await closed
  }

  #dropAll(): void {
    for (const [client, upstream] of this.#pairs) {
      client.destroy()
      upstream.destroy()
    }
  }

  #accept(client: Socket, targetPort: number): void {
    if (this.#refusing) {
      client.destroy()
      return
    }
    const upstream = connect({ port: targetPort, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    const pair = [client, upstream] as const
    this.#pairs.add(pair)
    const drop = () => {
      this.#pairs.delete(pair)
      client.destroy()
      upstream.destroy()
    }
    for (const socket of pair) socket.on('error', drop)
    for (const socket of pair) socket.on('close', drop)
    this.#pass(client, upstream)
    this.#pass(upstream, client)
  }

  #pass(from: Socket, to: Socket): void {
    // One queue and one timer a direction: with a timer for each chunk, two that fall into the same millisecond could swap.
    const waiting: { readonly leavesAt: number; readonly act: () => void }[] = []
    const pump = () => {
      while (waiting[0] && waiting[0].leavesAt <= performance.now()) waiting.shift()?.act()
      if (waiting[0]) setTimeout(pump, Math.max(1, waiting[0].leavesAt - performance.now()))
    }
    const later = (act: () => void) => {
      const leavesAt = performance.now() + this.delayMs
      if (waiting.length === 0 && this.delayMs === 0) return act()
      waiting.push({ leavesAt, act })
      if (waiting.length === 1) setTimeout(pump, this.delayMs)
    }
    from.on('data', (chunk) =>
      later(() => {
        if (!to.destroyed && !to.write(chunk) && !from.isPaused()) {
          from.pause()
          to.once('drain', () => from.resume())
        }
      }),
    )
    from.on('end', () => later(() => to.end()))
  }
}
