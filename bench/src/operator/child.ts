/** A program of the project as a process of its own, whose lines can be waited for; stopped by its pid. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'

const root = join(import.meta.dirname, '../../..')
const START_LIMIT_MS = 120_000
const STOP_LIMIT_MS = 30_000

type Stream = 'stdout' | 'stderr'

export interface Child {
  readonly pid: number
  /** The first line that fits, from the start on. Rejects when the process ends before, or in vain after `limitMs`. */
  line(stream: Stream, fits: (line: string) => boolean, limitMs?: number): Promise<string>
  /** Without waiting for its end. */
  kill(signal: 'SIGKILL' | 'SIGTERM'): void
  stop(): Promise<void>
}

/** @param file from the checkout's root on, or absolute */
export function startChild(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  nodeArgs: readonly string[] = [],
): Child {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...nodeArgs, resolve(root, file), ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: Record<Stream, string[]> = { stdout: [], stderr: [] }
  const waiting = new Set<() => void>()
  for (const stream of ['stdout', 'stderr'] as const)
    createInterface({ input: child[stream] }).on('line', (line) => {
      lines[stream].push(line)
      for (const look of waiting) look()
    })
  const exited = once(child, 'exit')
  void exited.then(() => {
    for (const look of waiting) look()
  })
  return {
    pid: child.pid as number,
    line: (stream, fits, limitMs = START_LIMIT_MS) =>
      new Promise((resolve, reject) => {
        const end = (settle: () => void) => {
          clearTimeout(timer)
          waiting.delete(look)
          settle()
        }
        const fail = (why: string) => end(() => reject(new Error(`${file} ${why}:\n${lines.stderr.slice(-20).join('\n')}`)))
        const timer = setTimeout(() => fail(`did not say what was waited for in ${limitMs} ms`), limitMs)
        const look = () => {
          const found = lines[stream].find(fits)
          if (found !== undefined) end(() => resolve(found))
          else if (child.exitCode !== null || child.signalCode !== null) fail('has ended')
        }
        waiting.add(look)
        look()
      }),
    kill: (signal) => void child.kill(signal),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      const impatient = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS)
      await exited
      clearTimeout(impatient)
    },
  }
}
