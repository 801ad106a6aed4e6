/** Starts the processes under measurement and stops them by pid; nothing of this is measured. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const root = join(import.meta.dirname, '..', '..')

export interface StartedProcess {
  readonly pid: number
  /** The line of JSON it printed once it listened. */
  readonly listening: { readonly port: number; readonly adminPort?: number }
  stop(): Promise<void>
}

/**
 * Runs a source file of the project with only PATH, HOME and `env` set, and waits for its line of JSON.
 * @param started gets the process at once, so that it can be ended early
 */
export async function startProcess(
  file: string,
  env: Record<string, string> = {},
  started?: (child: ChildProcess) => void,
): Promise<StartedProcess> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(root, file)], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  started?.(child)
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-4000)
  })
  const exited = once(child, 'exit')
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('{')) continue
    const event = JSON.parse(line) as { event?: string; port?: number; adminPort?: number }
    if (event.event !== 'listening' || !event.port) continue
    child.stdout.resume()
    const { port, adminPort } = event
    return { pid: child.pid as number, listening: { port, ...(adminPort && { adminPort }) }, stop: () => stop(child, exited) }
  }
  await exited
  throw new Error(`${file} ended before it listened:\n${errors}`)
}

async function stop(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  child.kill('SIGTERM')
  const impatient = setTimeout(() => child.kill('SIGKILL'), 15_000)
  await exited
  clearTimeout(impatient)
}
