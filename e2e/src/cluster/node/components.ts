/**
 * The processes of a cluster, each in a session of its own, so that they outlive the command that started them: beside its log each has
 * a file with how it is started and its pid. A pid is believed only while that process still is what was started.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

interface Started {
  readonly program: string
  readonly args: readonly string[]
  readonly pid: number
}

const POLL_MS = 50

export class Components {
  readonly #dir: string

  constructor(dir: string) {
    this.#dir = dir
    mkdirSync(dir, { recursive: true })
  }

  start(name: string, program: string, args: readonly string[]): void {
    if (this.isRunning(name)) return
    const log = openSync(this.logOf(name), 'a')
    const child = spawn(program, [...args], { cwd: this.#dir, stdio: ['ignore', log, log], detached: true })
    child.on('error', (error) => writeFileSync(log, `${error.message}\n`))
    child.unref()
    if (child.pid === undefined) throw new Error(`${program} cannot be started: see ${this.logOf(name)}`)
    const started: Started = { program, args, pid: child.pid }
    writeFileSync(this.#fileOf(name), JSON.stringify(started))
  }

  /** As it was started before. */
  startAgain(name: string): void {
    const { program, args } = this.#read(name) ?? never(name)
    this.start(name, program, args)
  }

  isRunning(name: string): boolean {
    const started = this.#read(name)
    return started !== undefined && isProcess(started)
  }

  async stop(name: string, signal: NodeJS.Signals, patienceMs: number): Promise<void> {
    const started = this.#read(name)
    if (!started || !isProcess(started)) return
    process.kill(started.pid, signal)
    for (let waitedMs = 0; isProcess(started); waitedMs += POLL_MS) {
      if (waitedMs >= patienceMs) process.kill(started.pid, 'SIGKILL')
      await sleep(POLL_MS)
    }
  }

  async names(): Promise<string[]> {
    const files = await readdir(this.#dir)
    return files.filter((file) => file.endsWith('.started.json')).map((file) => file.slice(0, -'.started.json'.length))
  }

  logOf(name: string): string {
    return join(this.#dir, `${name}.log`)
  }

  #fileOf(name: string): string {
    return join(this.#dir, `${name}.started.json`)
  }

  #read(name: string): Started | undefined {
    try {
      return JSON.parse(readFileSync(this.#fileOf(name), 'utf8')) as Started
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }
}

function isProcess({ pid, program }: Started): boolean {
  try {
    const [command] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    return command === program
  } catch {
    // No such process.
    return false
  }
}

function never(name: string): never {
  throw new Error(`the cluster has no component ${name}`)
}
