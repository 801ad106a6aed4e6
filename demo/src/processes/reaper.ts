/**
 * Ends what the demo leaves behind. A process of its own, in a session of its own: it is told the pids of every child on stdin and
 * sits still. When its stdin closes (the demo has ended, was killed, or crashed) it ends every process that is still there,
 * politely first. A pid that has been given to another process since is left alone.
 *
 * Lines: `+PID` a child was started, `-PID` it has ended.
 */
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as after } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const PATIENCE_MS = 5000
const POLL_MS = 50

/** When a process started, in the kernel's own count; with the pid it names a process for ever. Undefined where /proc is not there. */
function birthOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}

async function main(): Promise<void> {
  // Ctrl-C in the terminal is for the demo: it decides what ends when.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => {})
  const births = new Map<number, string | undefined>()
  for await (const line of createInterface({ input: process.stdin })) {
    const pid = Number(line.slice(1))
    if (!Number.isInteger(pid) || pid <= 1) continue
    if (line.startsWith('+')) births.set(pid, birthOf(pid))
    if (line.startsWith('-')) births.delete(pid)
  }
  const alive = () => [...births].filter(([pid, birth]) => birthOf(pid) === birth && signal(pid, 0)).map(([pid]) => pid)
  for (const pid of alive()) signal(pid, 'SIGTERM')
  for (let waited = 0; waited < PATIENCE_MS && alive().length > 0; waited += POLL_MS) await after(POLL_MS)
  for (const pid of alive()) signal(pid, 'SIGKILL')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
