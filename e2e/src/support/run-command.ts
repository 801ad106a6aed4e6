/** Runs a program to its end and answers what it printed; a failure carries its last words. */
import { spawn } from 'node:child_process'

export interface RunOptions {
  readonly input?: string
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  readonly timeoutMs?: number
  /** Exit codes that are an answer. Default: 0. */
  readonly allowExitCodes?: readonly number[]
}

const DEFAULT_TIMEOUT_MS = 300_000
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024

export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    // Not spawn's own: that one goes on for a program that could not even be started.
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? DEFAULT_TIMEOUT_MS)
    let out = ''
    let errors = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
      if (out.length > MAX_OUTPUT_BYTES) child.kill('SIGKILL')
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-8000)
    })
    child.on('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      if (code !== null && (options.allowExitCodes ?? [0]).includes(code)) resolve(out)
      else
        reject(
          new Error(`${program} ${args.join(' ').slice(0, 200)} ended with ${code ?? signal}:\n${errors.trim() || out.trim()}`),
        )
    })
    child.stdin.on('error', () => {
      // It ended before it had read everything; its exit code says what happened.
    })
    child.stdin.end(options.input ?? '')
  })
}
