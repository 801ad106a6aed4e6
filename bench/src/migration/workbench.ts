/**
 * What migrations are measured on: servers, folders and tools, of which nothing is left however the run ends. Ctrl-C ends it at once: the servers
 * are stopped under whoever uses them, and where this process itself is killed the nursery's reaper ends them.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Interrupt, onInterrupt } from '@fractal-lba/demo/processes/interrupt'
import { Nursery } from '@fractal-lba/demo/processes/nursery'
import type { RunningServer } from '@fractal-lba/servers/running-server'
import { BenchStopped } from '../stopped.ts'

const KEPT_CHARACTERS = 4000

export class Workbench {
  readonly dir: string
  readonly #nursery: Nursery
  readonly #say: (line: string) => void
  readonly #interrupt: Interrupt
  readonly #interrupted = Promise.withResolvers<never>()
  readonly #startedAt = performance.now()
  readonly #servers = new Set<RunningServer>()
  readonly #starting = new Set<Promise<unknown>>()
  #steps = { done: 0, all: 0 }
  #folders = 0

  private constructor(dir: string, say: (line: string) => void) {
    this.dir = dir
    this.#say = say
    this.#nursery = Nursery.open(dir)
    this.#interrupt = onInterrupt(() => {
      say('interrupted: stopping the servers ...')
      this.#interrupted.reject(interruption())
    })
    // Whoever waits for something learns of it; there may be nobody who does.
    this.#interrupted.promise.catch(() => undefined)
  }

  static async open(say: (line: string) => void): Promise<Workbench> {
    return new Workbench(await mkdtemp(join(tmpdir(), 'flk-bench-')), say)
  }

  /** So many more steps will be announced. */
  expect(steps: number): void {
    this.#steps.all += steps
  }

  step(what: string): void {
    this.#steps.done++
    this.note(what)
  }

  note(what: string): void {
    const seconds = Math.round((performance.now() - this.#startedAt) / 1000)
    this.#say(`[${this.#steps.done}/${this.#steps.all}, ${seconds} s] ${what}`)
  }

  /** Runs `use` with servers of its own, each in a new folder; afterwards they are gone. */
  async servers<Server extends RunningServer, T>(
    count: number,
    start: (dataDir: string) => Promise<Server>,
    use: (servers: Server[]) => Promise<T>,
  ): Promise<T> {
    if (this.#interrupt.caught) throw interruption()
    const dirs = Array.from({ length: count }, () => join(this.dir, `servers-${++this.#folders}`))
    const starting = Promise.allSettled(dirs.map((dir) => mkdir(dir).then(() => start(dir))))
    this.#starting.add(starting)
    const started = await starting
    const servers = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    const releases = servers.map((server) => this.#nursery.adopt(server.pid as number))
    for (const server of servers) this.#servers.add(server)
    this.#starting.delete(starting)
    try {
      const failed = started.find((result) => result.status === 'rejected')
      if (failed) throw failed.reason
      return await Promise.race([use(servers), this.#interrupted.promise])
    } finally {
      await Promise.all(servers.map((server) => server.stop()))
      for (const server of servers) this.#servers.delete(server)
      for (const release of releases) release()
      for (const dir of dirs) await rm(dir, { recursive: true, force: true })
    }
  }

  /** A program that was started ends with the run, too. */
  adopt(child: ChildProcess): void {
    if (child.pid === undefined) return
    if (this.#interrupt.caught) child.kill('SIGKILL')
    child.once('exit', this.#nursery.adopt(child.pid))
  }

  /** Runs a program of others to its end. @throws Error with the end of what it said when that is not 0. */
  async run(file: string, args: readonly string[]): Promise<void> {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    this.adopt(child)
    let said = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-KEPT_CHARACTERS)
      })
    const [code] = (await once(child, 'close')) as [number | null]
    if (code !== 0) throw new Error(`${file} ${args.slice(0, 2).join(' ')} ended with ${code}: ${said}`)
  }

  /** A new folder; it goes with the run. */
  async folder(name: string): Promise<string> {
    const dir = join(this.dir, `${name}-${++this.#folders}`)
    await mkdir(dir)
    return dir
  }

  async close(): Promise<void> {
    await Promise.all(this.#starting)
    await Promise.all([...this.#servers].map((server) => server.stop()))
    await this.#nursery.close()
    await rm(this.dir, { recursive: true, force: true })
    this.#interrupt.release()
  }
}

const interruption = () => new BenchStopped('interrupted', 'Interrupted; nothing was left running.')
