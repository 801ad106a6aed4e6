/** Tells whether the process that left a lock behind still runs: its pid alone does not, for pids are used again. */
import { readFile } from 'node:fs/promises'

/** What to write into a lock: the pid, and where the system tells it, when the process was started. */
export async function ownIdentity(): Promise<string> {
  return `${process.pid} ${(await startOf(process.pid)) ?? ''}`.trim()
}

export async function isRunning(identity: string): Promise<boolean> {
  const [pid, start] = identity.trim().split(' ')
  if (!pid || !/^\d+$/.test(pid) || !isAlive(Number(pid))) return false
  return start === undefined || (await startOf(Number(pid))) === start
}

/** Clock ticks from boot to the start of the process (field 22 of Linux' stat); undefined elsewhere, and for one that has ended. */
async function startOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  // The name, in parentheses, may hold spaces; counting begins behind it, with field 3, the state: Z is a process that has ended.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields?.[0] === 'Z' ? undefined : fields?.[19]
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
