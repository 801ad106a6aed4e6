/**
 * Starts the demo's child processes and knows which are there. Every child is registered with the reaper (`reaper.ts`) the moment
 * it has a pid, so none outlives the demo however the demo ends; children run in sessions of their own, so a terminal's Ctrl-C
 * reaches the demo alone and the demo decides in which order they stop.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const NODE_FLAGS = ['--disable-warning=ExperimentalWarning']

export interface Program {
  /** Names the process in messages and its log file. */
  readonly name: string
  /** A TypeScript source, run by this Node. */
  readonly file: string
  readonly args?: readonly string[]
  /** The whole environment besides PATH, HOME and TMPDIR: nothing of the caller's own leaks into a child. */
  readonly env?: Readonly<Record<string, string>>
  /** Opens an IPC channel: `send` and `onMessage`. */
  readonly ipc?: boolean
  readonly onLine?: (line: string) => void
  readonly onMessage?: (message: unknown) => void
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Running {
  readonly name: string
  readonly pid: number
  readonly logFile: string
  /** Resolves when it has ended, however. */
  readonly ended: Promise<Ended>
  readonly alive: boolean
  send(message: object): void
  /** SIGKILL. Resolves when it is gone. */
  kill(): Promise<Ended>
  /** SIGTERM, and SIGKILL after `patienceMs`. Resolves when it is gone. */
  stop(patienceMs: number): Promise<Ended>
}

export class Nursery {
  readonly #logDir: string
  readonly #reaper: ChildProcess

  private constructor(logDir: string, reaper: ChildProcess) {
    this.#logDir = logDir
    this.#reaper = reaper
  }

  static open(logDir: string): Nursery {
    const file = fileURLToPath(new URL('reaper.ts', import.meta.url))
    const reaper = spawn(process.execPath, [...NODE_FLAGS, file], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
    // Where the reaper itself was killed, the demo goes on without its safety net.
    reaper.stdin?.on('error', () => {})
    return new Nursery(logDir, reaper)
  }

  /** Registers a process that others started (a database server). @returns what takes it off the list again. */
  adopt(pid: number): () => void {
    this.#reaper.stdin?.write(`+${pid}\n`)
    return () => this.#reaper.stdin?.write(`-${pid}\n`)
  }

  start(program: Program): Running {
    const logFile = join(this.#logDir, `${program.name}.log`)
    const log = openSync(logFile, 'a')
    const { PATH = '', HOME = '', TMPDIR } = process.env
    const child = spawn(process.execPath, [...NODE_FLAGS, program.file, ...(program.args ?? [])], {
      stdio: ['ignore', program.onLine ? 'pipe' : log, log, ...(program.ipc ? (['ipc'] as const) : [])],
      env: { PATH, HOME, ...(TMPDIR && { TMPDIR }), ...program.env },
      detached: true,
    })
    closeSync(log)
    if (child.pid === undefined) throw new Error(`${program.name} could not be started (${process.execPath} ${program.file})`)
    const release = this.adopt(child.pid)
    const ended = once(child, 'exit').then(([code, signal]) => {
      release()
      return { code, signal } as Ended
    })
    if (child.stdout && program.onLine) createInterface({ input: child.stdout }).on('line', program.onLine)
    if (program.onMessage) child.on('message', program.onMessage)
    child.on('error', () => {})
    return running(program.name, logFile, child, ended)
  }

  /** Lets the reaper go; it ends whatever is still registered. */
  async close(): Promise<void> {
    const gone = this.#reaper.exitCode === null && this.#reaper.signalCode === null ? once(this.#reaper, 'exit') : undefined
    this.#reaper.stdin?.end()
    await gone
  }
}

function running(name: string, logFile: string, child: ChildProcess, ended: Promise<Ended>): Running {
  const alive = () => child.exitCode === null && child.signalCode === null
  const end = async (signal: NodeJS.Signals, patienceMs: number) => {
    if (alive()) child.kill(signal)
    const impatient = setTimeout(() => child.kill('SIGKILL'), patienceMs)
    const how = await ended
    clearTimeout(impatient)
    return how
  }
  return {
    name,
    pid: child.pid as number,
    logFile,
    ended,
    get alive() {
      return alive()
    },
    send(message) {
      if (child.connected) child.send(message, () => {})
    },
    kill: () => end('SIGKILL', 1000),
    stop: (patienceMs) => end('SIGTERM', patienceMs),
  }
}
