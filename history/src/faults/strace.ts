/**
 * Disk faults in running processes: strace is attached to all their threads, makes their system calls fail, wait or die, and is detached
 * again. A call that is made to fail is not carried out.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'

const ATTACH_TIMEOUT_MS = 5_000
const DETACH_PATIENCE_MS = 3_000

export interface Traced {
  /** Resolves when it is detached, or its processes have ended. */
  detach(): Promise<void>
}

/** @returns why strace cannot be used here, or undefined where it can. */
export function whyNoStrace(): string | undefined {
  const tried = spawnSync('strace', ['-f', '-qq', '-o', '/dev/null', 'true'], { encoding: 'utf8' })
  if (tried.error) return 'strace is not installed (e.g. `apt-get install strace`)'
  return tried.status === 0 ? undefined : `strace may not trace here: ${tried.stderr.trim().split('\n')[0]}`
}

/** @param args what to trace and to inject @returns once all of the processes are traced. */
export async function attach(pids: readonly number[], args: readonly string[], output = '/dev/null'): Promise<Traced> {
  const child = spawn('strace', ['-f', '-o', output, ...args, ...pids.flatMap((pid) => ['-p', `${pid}`])], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  })
  await attached(child, pids)
  return {
    async detach() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.kill('SIGINT')
      const late = setTimeout(() => child.kill('SIGKILL'), DETACH_PATIENCE_MS)
      await gone
      clearTimeout(late)
    },
  }
}

async function attached(child: ChildProcess, pids: readonly number[]): Promise<void> {
  let said = ''
  const left = new Set(pids)
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(
      () => end(new Error(`strace was not attached within ${ATTACH_TIMEOUT_MS} ms: ${said}`)),
      ATTACH_TIMEOUT_MS,
    )
    const end = (error?: Error) => {
      clearTimeout(late)
      if (error) {
        child.kill('SIGKILL')
        reject(error)
      } else resolve()
    }
    child.on('error', end)
    child.on('exit', (code) => end(new Error(`strace ended with ${code}: ${said.trim().slice(-300)}`)))
    child.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk).slice(-4000)
      for (const match of `${chunk}`.matchAll(/Process (\d+) attached/g)) left.delete(Number(match[1]))
      if (left.size === 0) end()
    })
  })
}

/** A process and all its descendants. */
export function familyOf(pid: number): number[] {
  let children: number[] = []
  try {
    children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
  return [pid, ...children.flatMap(familyOf)]
}
