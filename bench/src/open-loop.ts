/**
 * An open-loop load generator: requests leave at their appointed times whether or not earlier ones were answered, and latency
 * counts from the appointed time, so that queueing is seen (a closed loop hides it).
 */
import { Agent, request } from 'node:http'

export interface OpenLoopResult {
  /** From the appointed time to the whole answer, of each request that was answered. */
  readonly latenciesMs: readonly number[]
  /** Requests by status; 0 stands for a broken connection. */
  readonly statuses: ReadonlyMap<number, number>
}

/** Sends `bodies` one after the other to the urls in turn, `ratePerSecond` of them each second, for `seconds` or until `signal`. */
export async function openLoop(options: {
  urls: readonly string[]
  bodies: readonly Buffer[]
  ratePerSecond: number
  seconds: number
  signal?: AbortSignal
  /** Keeps a CPU busy to send on time; else requests leave within a millisecond or two of it, which counts as latency. */
  punctual?: boolean
}): Promise<OpenLoopResult> {
  const { urls, bodies, ratePerSecond, seconds, signal, punctual } = options
  const agent = new Agent({ keepAlive: true, maxSockets: 256 })
  const latenciesMs: number[] = []
  const statuses = new Map<number, number>()
  const total = Math.min(bodies.length, Math.floor(ratePerSecond * seconds))
  const started = performance.now()
  let sent = 0
  let answered = 0

  await new Promise<void>((resolve) => {
    let over = false
    let ended = false
    const finish = () => {
      if ((over || sent === total) && answered === sent) {
        clearInterval(pace)
        ended = true
        resolve()
      }
    }
    const send = (index: number) => {
      const appointed = started + (index / ratePerSecond) * 1000
      const body = bodies[index] as Buffer
      const done = (status: number) => {
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        if (status !== 0) latenciesMs.push(performance.now() - appointed)
        answered++
        finish()
      }
      const headers = { 'content-type': 'application/json', 'content-length': body.length }
      const outgoing = request(urls[index % urls.length] as string, { method: 'POST', agent, headers }, (answer) => {
        answer.resume()
        answer.once('end', () => done(answer.statusCode ?? 0))
      })
      outgoing.once('error', () => done(0))
      outgoing.end(body)
    }
    const tick = () => {
      over ||= signal?.aborted ?? false
      const due = over ? sent : Math.min(total, Math.floor(((performance.now() - started) / 1000) * ratePerSecond))
      while (sent < due) send(sent++)
      finish()
    }
    const spin = () => {
      tick()
      if (!ended) setImmediate(spin)
    }
    const pace = setInterval(tick, 1)
    if (punctual) spin()
  })
  agent.destroy()
  return { latenciesMs, statuses }
}
