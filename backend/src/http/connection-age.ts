/**
 * Ends connections that have lived for long enough, with an answer that says so (RFC 9112, 9.6). Clients keep theirs for ever, and a
 * Service picks a pod when one is opened: without this a pod that is new gets hardly any of the traffic, and the gates that judge it
 * hardly any samples.
 */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/** Connections that were opened together, as after a restart, are not closed together. */
const JITTER = 0.3

export class ConnectionAges {
  readonly #endAtMs = new WeakMap<Socket, number>()
  readonly #monotonic: () => number

  /**
   * @param ageMs on average; each connection lives up to 30 % longer or shorter
   * @param monotonic milliseconds
   */
  constructor(server: Server, ageMs: number, monotonic: () => number, random: () => number) {
    this.#monotonic = monotonic
    server.on('connection', (socket) => {
      this.#endAtMs.set(socket, monotonic() + ageMs * (1 + JITTER * (2 * random() - 1)))
    })
  }

  /** Whether the answer that is about to be sent should be the connection's last. */
  isOver(socket: Socket | null): boolean {
    const endAtMs = socket === null ? undefined : this.#endAtMs.get(socket)
    return endAtMs !== undefined && this.#monotonic() >= endAtMs
  }
}
