/**
 * The verifier pods: processes of the real backend, each with its own log folder and ports that stay the same over restarts, so that a
 * killed pod comes back as itself.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '@fractal-lba/servers/running-server'
import type { Ended, Nursery, Running } from '../processes/nursery.ts'
import type { Events } from '../view/events.ts'

const BACKEND_MAIN = fileURLToPath(new URL('../../../backend/src/main.ts', import.meta.url))
const START_TIMEOUT_MS = 30_000
/** A drain finishes what is in flight; longer than this and something is stuck. */
const DRAIN_PATIENCE_MS = 15_000

export interface PodsOptions {
  readonly count: number
  readonly dir: string
  readonly env: Readonly<Record<string, string>>
  readonly adminToken: string
}

export interface Pod {
  readonly name: string
  readonly url: string
  readonly adminUrl: string
  readonly walDir: string
  readonly process: Running | undefined
  /** From here on its end is no surprise: what is done to it may well end it. */
  mayEnd(): void
  /** SIGKILL. Resolves when it is gone. */
  kill(): Promise<void>
  /** Starts it on the same ports and log, where it does not run. Resolves when it listens again. */
  start(): Promise<void>
  /** Both. */
  killAndRestart(): Promise<void>
  /** Drains it. @returns how it ended. */
  stop(): Promise<Ended | undefined>
}

export async function startPods(options: PodsOptions, nursery: Nursery, events: Events): Promise<Pod[]> {
  return Promise.all(Array.from({ length: options.count }, (_, i) => startPod(`pod-${i + 1}`, options, nursery, events)))
}

async function startPod(name: string, { dir, env, adminToken }: PodsOptions, nursery: Nursery, events: Events): Promise<Pod> {
  const port = await freePort()
  const adminPort = await freePort()
  const walDir = join(dir, name)
  await mkdir(walDir, { recursive: true })
  let process: Running | undefined
  let expectedToEnd = false

  async function start(): Promise<void> {
    expectedToEnd = false
    let listens = false
    const listening = Promise.withResolvers<void>()
    const child = nursery.start({
      name,
      file: BACKEND_MAIN,
      env: {
        ...env,
        PORT: `${port}`,
        FLK_HOST: '127.0.0.1',
        FLK_ADMIN_PORT: `${adminPort}`,
        FLK_ADMIN_TOKEN: adminToken,
        FLK_POD_NAME: name,
        WAL_DIR: walDir,
      },
      onLine: (line) => {
        if (!saysListening(line)) return
        listens = true
        listening.resolve()
      },
    })
    process = child
    child.ended.then(({ code, signal }) => {
      if (expectedToEnd) return
      const how = `(${signal ?? `code ${code}`}); its log: ${child.logFile}`
      if (listens) events.bad(`${name} ended by itself ${how}`)
      else listening.reject(new Error(`${name} ended while it was starting ${how}`))
    })
    const late = setTimeout(
      () => listening.reject(new Error(`${name} does not listen after ${START_TIMEOUT_MS / 1000} s; its log: ${child.logFile}`)),
      START_TIMEOUT_MS,
    )
    await listening.promise.finally(() => clearTimeout(late))
  }

  async function kill(): Promise<void> {
    expectedToEnd = true
    await process?.kill()
  }

  await start()
  return {
    name,
    url: `http://127.0.0.1:${port}`,
    adminUrl: `http://127.0.0.1:${adminPort}`,
    walDir,
    get process() {
      return process
    },
    mayEnd() {
      expectedToEnd = true
    },
    kill,
    async start() {
      if (!process?.alive) await start()
      expectedToEnd = false
    },
    async killAndRestart() {
      await kill()
      await start()
    },
    async stop() {
      expectedToEnd = true
      return process?.alive ? process.stop(DRAIN_PATIENCE_MS) : undefined
    },
  }
}

function saysListening(line: string): boolean {
  try {
    return (JSON.parse(line) as { event?: unknown }).event === 'listening'
  } catch {
    return false
  }
}
