/** Runs the command as users do, in a process of its own, and says how long it took and how much memory it held at its peak. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

const COMMAND = join(import.meta.dirname, '../../migration/src/cli/main.ts')

export interface CommandRun {
  /** When its process was started, in milliseconds since the epoch. */
  readonly startedAtMs: number
  /** From the start of the process to its end. */
  readonly seconds: number
  readonly peakMiB: number
  /** What it said with `--output json`. */
  readonly report: unknown
}

/**
 * @param started gets the process, so that it can be ended early
 * @throws Error with what it said when it does not end with 0.
 */
export async function runDedupMigrate(args: readonly string[], started?: (child: ChildProcess) => void): Promise<CommandRun> {
  const startedAtMs = Date.now()
  const startedAt = performance.now()
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', COMMAND, ...args, '--output', 'json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  started?.(child)
  const peakKiB = watchPeak(child)
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-4000)
  })
  let seconds = 0
  child.once('exit', () => {
    seconds = (performance.now() - startedAt) / 1000
  })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`dedup-migrate ${args[0]} ended with ${code}: ${errors}`)
  return { startedAtMs, seconds, peakMiB: peakKiB() / 1024, report: JSON.parse(output) }
}

/** Peak resident memory in KiB, as the kernel counts it (VmHWM); read until the process is gone. */
function watchPeak(child: ChildProcess): () => number {
  let peakKiB = 0
  const timer = setInterval(async () => {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '')
    peakKiB = Math.max(peakKiB, Number(status.match(/VmHWM:\s+(\d+)/)?.[1] ?? 0))
  }, 20)
  child.once('exit', () => clearInterval(timer))
  return () => peakKiB
}
