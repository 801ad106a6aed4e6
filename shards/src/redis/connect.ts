/**
 * One connection to a Redis shard: scripts by hash, a deadline for each call, reconnecting with back-off. Nothing is queued while there is no
 * connection beyond the callers that wait for it within their deadline, and nothing is sent twice: a call whose connection broke
 * fails, and its caller knows that repeating is safe.
 */
import { Redis } from 'ioredis'
import type { ShardAddress } from '../address.ts'
import { ShardUnavailable } from '../port.ts'
import type { Script } from './program.ts'

type Argument = string | number | Buffer

/** A server that does not answer must not make this process collect calls for it. */
const MAX_OUTSTANDING_CALLS = 4096
/** Silence on a connection with calls under way, after which it is taken for dead and made anew. */
const DEAD_AFTER_MS = 15_000
const RECONNECT_FIRST_MS = 20
const RECONNECT_MAX_MS = 1000

export class RedisConnection {
  readonly #address: ShardAddress
  readonly #redis: Redis
  readonly #callsUnderWay = new Set<(error: Error) => void>()
  #outstanding = 0
  #closed = false
  #whyDown = 'not connected yet'
  /** What callers wait for while there is no connection: one listener for all of them. */
  #ready = readiness()

  constructor(address: ShardAddress) {
    this.#address = address
    this.#redis = new Redis(address.url, {
      lazyConnect: true,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: null,
      connectTimeout: 5000,
      socketTimeout: DEAD_AFTER_MS,
      keepAlive: 10_000,
      retryStrategy: (attempt) => Math.min(RECONNECT_FIRST_MS * 2 ** Math.min(attempt - 1, 10), RECONNECT_MAX_MS),
    })
    this.#redis.on('error', (error: NodeJS.ErrnoException) => {
      this.#whyDown = reasonOf(error)
    })
    // The client drops such calls without a word, and their callers would wait for the deadline.
    this.#redis.on('close', () => {
      for (const reject of this.#callsUnderWay) reject(new Error('the connection broke'))
    })
    this.#redis.on('ready', () => this.#ready.resolve())
    this.#redis.on('close', () => {
      this.#ready = readiness()
    })
    this.#redis.connect().catch(() => undefined) // reported to the callers that wait, and tried again
  }

  /** Runs a script; a server that has lost its script cache (a restart) is given the text. */
  async run(script: Script, args: readonly Argument[], deadlineMs: number): Promise<unknown> {
    try {
      return await this.#call('EVALSHA', [script.sha, 0, ...args], deadlineMs)
    } catch (error) {
      if (!(error instanceof ShardUnavailable) || !(error.cause as Error | undefined)?.message?.startsWith('NOSCRIPT'))
        throw error
      return await this.#call('EVAL', [script.text, 0, ...args], deadlineMs)
    }
  }

  command(name: string, args: readonly Argument[], deadlineMs: number): Promise<unknown> {
    return this.#call(name, args, deadlineMs)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#whyDown = 'closed by this process'
    this.#redis.disconnect()
  }

  unavailable(what: string, cause?: unknown): ShardUnavailable {
    return new ShardUnavailable(this.#address.id, what, { cause })
  }

  /** Many calls of one command, under one deadline: all answers, in order. */
  commands(name: string, calls: readonly (readonly Argument[])[], deadlineMs: number): Promise<unknown[]> {
    return this.#send(calls.length, deadlineMs, () => Promise.all(calls.map((args) => this.#redis.callBuffer(name, ...args))))
  }

  #call(name: string, args: readonly Argument[], deadlineMs: number): Promise<unknown> {
    return this.#send(1, deadlineMs, () => this.#redis.callBuffer(name, ...args))
  }

  async #send<T>(calls: number, deadlineMs: number, send: () => Promise<T>): Promise<T> {
    if (this.#closed) throw this.unavailable(this.#whyDown)
    if (this.#redis.status !== 'ready') await this.#within(this.#ready.promise, deadlineMs)
    if (this.#outstanding + calls > MAX_OUTSTANDING_CALLS)
      throw this.unavailable(`${this.#outstanding} calls wait for its answer already`)
    this.#outstanding += calls
    const reply = send()
    const settled = () => {
      this.#outstanding -= calls
    }
    reply.then(settled, settled)
    return await this.#within(reply, deadlineMs, this.#callsUnderWay)
  }

  async #within<T>(reply: Promise<T>, deadlineMs: number, broken?: Set<(error: Error) => void>): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>()
    broken?.add(reject)
    const timer = setTimeout(
      () => reject(new Error(this.#redis.status === 'ready' ? 'no answer by the deadline' : this.#whyDown)),
      Math.max(0, deadlineMs - Date.now()),
    )
    try {
      return await Promise.race([reply, late])
    } catch (error) {
      throw this.unavailable(reasonOf(error as Error), error)
    } finally {
      clearTimeout(timer)
      broken?.delete(reject)
    }
  }
}

function readiness(): PromiseWithResolvers<void> {
  return Promise.withResolvers<void>()
}

/** A reason without credentials; server errors begin with a code in capitals (NOAUTH, OOM, READONLY, LOADING). */
function reasonOf(error: NodeJS.ErrnoException): string {
  if (/WRONGPASS|NOAUTH|NOPERM/.test(error.message)) return 'it refused the credentials'
  return error.code ? `${error.code}${error.message.includes(error.code) ? '' : ` ${error.message}`}` : error.message
}
