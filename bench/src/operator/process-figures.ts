/** What Linux says of a process: what it holds in memory, and the processor time that it has taken. */
import { readFile } from 'node:fs/promises'

/** Ticks of /proc are of this length on every Linux that Node runs on. */
const TICK_MS = 10

export async function residentMiB(pid: number): Promise<number> {
  const found = /^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))
  return Number(found?.[1]) / 1024
}

export async function processorMs(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8')
  // What follows the program's name, which may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}
