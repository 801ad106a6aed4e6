/** One bash, as a person has it open: what one block of commands exports, defines or leaves running is there for the next. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'

export class Shell {
  readonly #bash: ChildProcess
  readonly #lines: Interface
  readonly #scratch: string
  #blocks = 0

  constructor(cwd: string, env: NodeJS.ProcessEnv, scratch: string) {
    this.#scratch = scratch
    // A group of its own, so that what it leaves running can be ended with it.
    this.#bash = spawn('bash', ['-e'], { cwd, env, stdio: ['pipe', 'pipe', 'inherit'], detached: true })
    this.#lines = createInterface({ input: this.#bash.stdout! })
  }

  /** What it printed, errors included. @throws Error with that where a command fails, or not all end in time. */
  async run(commands: string, timeoutMs: number): Promise<string> {
    const name = join(this.#scratch, `block-${++this.#blocks}`)
    writeFileSync(`${name}.sh`, commands)
    const ended = new AbortController()
    const late = AbortSignal.timeout(timeoutMs)
    const signal = AbortSignal.any([late, ended.signal])
    this.#bash.stdin!.write(`source '${name}.sh' > '${name}.out' 2>&1 < /dev/null; echo done\n`)
    const output = () => readFileSync(`${name}.out`, 'utf8')
    try {
      await Promise.race([
        once(this.#lines, 'line', { signal }),
        once(this.#bash, 'exit', { signal }).then(([code]) => {
          throw new Error(`a command ended with ${code}`)
        }),
      ])
    } catch (error) {
      const what = late.aborted ? `not done within ${timeoutMs / 1000} s` : (error as Error).message
      throw new Error(`${what}:\n${commands}\n${output()}`)
    } finally {
      ended.abort()
    }
    return output()
  }

  async end(): Promise<void> {
    const { pid } = this.#bash
    const gone = this.#bash.exitCode === null && this.#bash.signalCode === null ? once(this.#bash, 'exit') : undefined
    try {
      if (pid !== undefined) process.kill(-pid, 'SIGKILL')
    } catch {
      // Nothing of it is left.
    }
    await gone
  }
}
