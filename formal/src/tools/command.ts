/** Runs a command to its end, and keeps what it said. Ends it when `signal` fires or its time is over. */
import { spawn } from 'node:child_process'
import { performance } from 'node:perf_hooks'

export interface Ran {
  /** Undefined: it did not end by itself, or could not be started. */
  readonly code: number | undefined
  /** Both streams, as they came. */
  readonly output: string
  readonly seconds: number
  readonly overtime: boolean
}

export interface Running {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly onLine?: (line: string) => void
}

export function runCommand(command: string, args: readonly string[], running: Running): Promise<Ran> {
  const { cwd, env, timeoutMs, signal, onLine } = running
  const startedAtMs = performance.now()
  const timeout = AbortSignal.timeout(timeoutMs)
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    const stop = () => child.kill('SIGKILL')
    let output = ''
    let line = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8')
      stream.on('data', (text: string) => {
        output += text
        const lines = (line + text).split('\n')
        line = lines.pop() as string
        for (const whole of lines) onLine?.(whole)
      })
    }
    for (const end of [signal, timeout]) end.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    const done = (code: number | undefined, problem = '') => {
      for (const end of [signal, timeout]) end.removeEventListener('abort', stop)
      const seconds = (performance.now() - startedAtMs) / 1000
      resolve({ code, output: output + problem, seconds, overtime: timeout.aborted && !signal.aborted })
    }
    child.on('error', (error) => done(undefined, error.message))
    child.on('close', (code) => done(code ?? undefined))
  })
}
