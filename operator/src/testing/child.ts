/** A process of ours as users start it, for tests that signal or kill it. Its first line on stdout is JSON and says that it is there. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export interface Child<T> {
  readonly ready: T
  readonly process: ChildProcess
  stderr(): string
  /** Sends the signal and waits for the end. @returns the exit code, or null after a kill. */
  end(signal: NodeJS.Signals): Promise<number | null>
}

/** @throws Error with its log where it ends before it is there. */
export async function startChild<T>(file: string, args: readonly string[], env: Record<string, string>): Promise<Child<T>> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', file, ...args], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stderr = ''
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const exited = once(child, 'exit') as Promise<[number | null]>
  const line = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line').then(([text]) => text as string),
    exited.then(([code]) => Promise.reject(new Error(`${file} ended with ${code} before it was there:\n${stderr}`))),
  ])
  return {
    ready: JSON.parse(line) as T,
    process: child,
    stderr: () => stderr,
    async end(signal) {
      child.kill(signal)
      return (await exited)[0]
    },
  }
}

/** Runs it to its end. */
export async function runToEnd(
  file: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', file, ...args], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, ...output }
}
