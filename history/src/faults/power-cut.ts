/**
 * A power cut under a Redis server, as far as one can be made without cutting power: SIGKILL alone loses nothing that was written, since the
 * kernel keeps it. So its writes and syncs of the append-only file are traced for a while; then it is killed, and the file is cut back to
 * what the last completed sync had covered. All that is cut off was written after that sync had begun, so the disk owed nobody any of it.
 */
import { readdir, readFile, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import type { RunningServer } from '@fractal-lba/servers/running-server'
import { attach } from './strace.ts'

export interface PowerCut {
  readonly file: string
  /** Of the append-only file, that were written and never synced. */
  readonly lostBytes: number
}

/** Leaves the server dead. @param tracedMs how long it runs on before the cut */
export async function cutPower(server: RunningServer, tracedMs: number): Promise<PowerCut> {
  const { pid, dataDir } = server
  if (pid === undefined) throw new Error('the server does not run, so its power cannot be cut')
  const file = await appendOnlyFile(dataDir)
  const trace = join(dataDir, `power-cut-${pid}.trace`)
  // While it stands still, what is in the file now is known, and whatever comes after is traced.
  process.kill(pid, 'SIGSTOP')
  let bytesBefore: number
  let traced: Awaited<ReturnType<typeof attach>>
  try {
    bytesBefore = (await stat(file)).size
    traced = await attach([pid], ['-s', '0', '-P', file, '-e', 'trace=write,fdatasync,fsync'], trace)
  } finally {
    process.kill(pid, 'SIGCONT')
  }
  await new Promise((resolve) => setTimeout(resolve, tracedMs))
  await server.kill()
  await traced.detach()
  const synced = bytesBefore + syncedBytes(await readFile(trace, 'utf8'))
  const written = (await stat(file)).size
  await truncate(file, synced)
  return { file, lostBytes: written - synced }
}

/** The part of a multi-part append-only file that is written to. */
export async function appendOnlyFile(dataDir: string): Promise<string> {
  const dir = join(dataDir, 'appendonlydir')
  const parts = (await readdir(dir)).flatMap((name) => {
    const match = /\.(\d+)\.incr\.aof$/.exec(name)
    return match ? [{ name, number: Number(match[1]) }] : []
  })
  const last = parts.sort((a, b) => a.number - b.number).at(-1)
  if (!last) throw new Error(`${dir} holds no append-only file`)
  return join(dir, last.name)
}

/** How many of the bytes written in a trace a later, completed sync covers. Calls that overlap others are told in two lines. */
export function syncedBytes(trace: string): number {
  let written = 0
  let synced = 0
  /** By thread: what was written when its sync began. */
  const syncing = new Map<string, number>()
  for (const line of trace.split('\n')) {
    const thread = line.slice(0, line.indexOf(' '))
    const result = / = (-?\d+)/.exec(line)
    if (/\bwrite(\(| resumed)/.test(line)) {
      if (result) written += Math.max(0, Number(result[1]))
    } else if (/\bf(data)?sync\(/.test(line)) {
      syncing.set(thread, written)
      if (result?.[1] === '0') synced = Math.max(synced, written)
    } else if (/\bf(data)?sync resumed/.test(line) && result?.[1] === '0') synced = Math.max(synced, syncing.get(thread) ?? 0)
  }
  return synced
}
