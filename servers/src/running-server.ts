/**
 * A real server process on this machine, for the demo, tests and benchmarks: started on a free port of 127.0.0.1, with its data in a
 * folder, stopped by its pid. It can also be killed the hard way and started again on the same port and data.
 */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'

export interface RunningServer {
  /** What clients connect to, credentials included. */
  readonly url: string
  readonly port: number
  readonly dataDir: string
  /** Pid of the server's main process now; undefined while it is down. */
  readonly pid: number | undefined
  /** SIGKILL to the server and all its children: what a power cut leaves of a process. Resolves when it is gone. */
  kill(): Promise<void>
  /** Starts it again on the same port and data. Resolves when it answers. */
  restart(): Promise<void>
  /** Orderly stop. Resolves when it is gone. Idempotent. */
  stop(): Promise<void>
}

/** A TCP port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer()
  probe.listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port of 127.0.0.1 could be opened')
  return address.port
}

/** Polls `attempt` every few milliseconds until it resolves. @throws when it has not by `timeoutMs`, or `child` ended before. */
export async function untilAnswers(
  what: string,
  child: ChildProcess,
  attempt: () => Promise<void>,
  timeoutMs: number,
): Promise<void> {
  const until = Date.now() + timeoutMs
  for (;;) {
    try {
      return await attempt()
    } catch (cause) {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`${what} ended while it was starting (code ${child.exitCode ?? child.signalCode})`, { cause })
      if (Date.now() > until) throw new Error(`${what} did not answer within ${timeoutMs} ms`, { cause })
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

/** Sends `signal` unless the child is gone, and waits until it is; after `patienceMs` it is killed. */
export async function endChild(child: ChildProcess, signal: NodeJS.Signals, patienceMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill(signal)
  const impatient = setTimeout(() => child.kill('SIGKILL'), patienceMs)
  await gone
  clearTimeout(impatient)
}
