import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readLog } from './read.ts'
import { segmentName } from './segment.ts'
import { makeWalDir, openTestWal, unsettledBodies } from './testing/open-test-wal.ts'

const CHILD = fileURLToPath(new URL('./testing/append-child.ts', import.meta.url))

interface ChildReport {
  readonly acked: Set<number>
  readonly refused: Set<number>
  readonly lines: readonly string[]
  readonly exit: number | string
}

/** Runs `command`; `onLine` may kill it by `kill`. One thread does all file work, so that calls can be counted. */
async function run(
  command: readonly string[],
  onLine: (line: string, kill: () => void) => void = () => {},
): Promise<ChildReport> {
  const child = spawn(command[0]!, command.slice(1), {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, UV_THREADPOOL_SIZE: '1' },
  })
  const acked = new Set<number>()
  const refused = new Set<number>()
  const lines: string[] = []
  const exited = once(child, 'exit')
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line)
    const [word, ...ids] = line.split(' ')
    if (word === 'acked') for (const id of ids) acked.add(Number(id))
    if (word === 'refused') for (const id of ids) refused.add(Number(id))
    onLine(line, () => child.kill('SIGKILL'))
  }
  const [code, signal] = (await exited) as [number | null, string | null]
  return { acked, refused, lines, exit: code ?? signal ?? '' }
}

function appends(dir: string, count: number, segmentBytes: number, ...rest: string[]): string[] {
  return [process.execPath, CHILD, dir, String(count), String(segmentBytes), ...rest]
}

/** Ids of all entries in the log, settled or not. */
async function idsInLog(dir: string): Promise<number[]> {
  const ids: number[] = []
  for await (const records of readLog(dir)) {
    for (const record of records) if (record.kind === 'entry') ids.push(record.receivedAtMs)
  }
  return ids
}

function missing(wanted: Iterable<number>, from: Iterable<number>): number[] {
  const found = new Set(from)
  return [...wanted].filter((id) => !found.has(id))
}

const hasStrace = spawnSync('strace', ['-V']).status === 0
if (!hasStrace) console.warn('strace is not installed: what a failing system call does to the log is not tested')

describe('a log whose process is killed', () => {
  let dir: string
  beforeEach(async () => {
    dir = await makeWalDir()
  })
  afterEach(() => rm(dir, { recursive: true }))

  it.each([1, 2, 3, 4, 5, 6])('has every acknowledged entry at the next start (seed %i)', async (seed) => {
    let linesLeft = 5 + ((seed * 7919) % 83)
    const { acked, exit } = await run(appends(dir, 100_000, 20_000), (_line, kill) => {
      if (--linesLeft === 0) kill()
    })
    expect(exit).toBe('SIGKILL')
    expect(acked.size).toBeGreaterThan(10)
    const opened = await openTestWal(dir)
    const bodies = await unsettledBodies(opened)
    await opened.wal.close()
    expect(missing(acked, await idsInLog(dir))).toEqual([])
    // Odd ones are never settled, so each of them must come back for the pipeline.
    const odd = [...acked].filter((id) => id % 2 === 1)
    expect(
      missing(
        odd,
        bodies.map((body) => Number.parseInt(body, 10)),
      ),
    ).toEqual([])
  })
})

describe.runIf(hasStrace)('a log whose system calls fail', () => {
  let dir: string
  let trace: string
  beforeEach(async () => {
    dir = await makeWalDir()
    trace = `${dir}.trace`
  })
  afterEach(async () => {
    await rm(dir, { recursive: true })
    await rm(trace, { force: true })
  })

  function straced(options: string[], command: string[]): string[] {
    return ['strace', '-f', '-qq', '-o', trace, ...options, ...command]
  }

  it.each([1, 2, 7])('acknowledges nothing of a write that the disk failed (write %i), and ends', async (nth) => {
    const path = join(dir, segmentName(1))
    const options = ['-P', path, '-e', 'trace=pwrite64', '-e', `inject=pwrite64:error=EIO:when=${nth}`]
    const { acked, refused, lines, exit } = await run(straced(options, appends(dir, 1000, 1_000_000)))
    expect(lines.at(-1)).toBe('failed')
    expect(exit).toBe(3)
    expect(refused.size).toBeGreaterThan(0)
    expect([...refused].filter((id) => acked.has(id))).toEqual([])
    expect(lines.filter((line) => line.startsWith('acked')).length).toBe(nth - 1)
    const opened = await openTestWal(dir)
    await opened.wal.close()
    expect(missing(acked, await idsInLog(dir))).toEqual([])
  })

  it('acknowledges nothing of a segment whose name cannot be made durable, and ends', async () => {
    const options = ['-P', dir, '-e', 'trace=fsync', '-e', 'inject=fsync:error=EIO:when=1']
    const { acked, lines, exit } = await run(straced(options, appends(dir, 1000, 1_000_000)))
    expect(acked.size).toBe(0)
    expect([lines.at(-1), exit]).toEqual(['failed', 3])
  })

  it('syncs the directory of a new segment before anything in it is acknowledged', async () => {
    await run(straced(['-y', '-e', 'trace=openat,pwrite64,fsync,write'], appends(dir, 60, 4_000)))
    let unsynced = ''
    let syncing = false
    let segments = 0
    let acks = 0
    for (const call of (await readFile(trace, 'utf8')).split('\n')) {
      const created = /openat\(.*"([^"]+\.wal)", O_WRONLY\|O_CREAT\|O_EXCL\|O_DSYNC/.exec(call)
      if (created !== null) {
        unsynced = created[1]!
        segments++
      }
      // A call that another thread interrupts stands in two lines; only the end of it counts.
      if (call.includes('fsync(') && call.includes(`<${dir}>`)) syncing = true
      if (syncing && call.includes('fsync') && call.endsWith(' = 0')) {
        syncing = false
        unsynced = ''
      }
      if (call.includes('"acked')) {
        acks++
        expect(unsynced, call).toBe('')
      }
    }
    expect(segments).toBeGreaterThan(3)
    expect(acks).toBeGreaterThan(5)
  })

  it('refuses while there is no space, acknowledges nothing falsely, and goes on by itself', async () => {
    const options = ['-e', 'trace=pwrite64', '-e', 'inject=pwrite64:error=ENOSPC:when=8..10']
    const { acked, refused, lines, exit } = await run(straced(options, appends(dir, 200, 1_000_000)))
    expect([lines.at(-1), exit]).toEqual(['closed', 0])
    expect(refused.size).toBeGreaterThan(0)
    expect(acked.size + refused.size).toBe(200)
    const ids = await idsInLog(dir)
    expect(ids).toEqual([...acked])
    const opened = await openTestWal(dir)
    expect(opened.recovered).toMatchObject({ tornBytes: 0, segments: 2, entries: acked.size })
    // Settlements that had to wait for space are not lost.
    expect(opened.recovered.unsettledEntries).toBe([...acked].filter((id) => id % 2 === 1).length)
    await opened.wal.close()
  })
})

const canMount = spawnSync('unshare', ['-Urm', 'true']).status === 0 || spawnSync('unshare', ['-m', 'true']).status === 0
if (!canMount)
  console.warn('no file system can be mounted here: a disk that is really full is not tested, only the error that it gives')

describe.runIf(canMount)('a log on a disk that is full', () => {
  it('cuts what was half written, and goes on once there is space', async () => {
    const dir = await makeWalDir()
    const copy = `${dir}.copy`
    const unshare = spawnSync('unshare', ['-Urm', 'true']).status === 0 ? ['unshare', '-Urm'] : ['unshare', '-m']
    const ballast = join(dir, 'ballast')
    const child = appends(join(dir, 'wal'), 4000, 300_000, ballast)
      .map((word) => `'${word}'`)
      .join(' ')
    const script = `mount -t tmpfs -o size=7m tmpfs '${dir}' && head -c 6m /dev/zero > '${ballast}' && ${child} && cp -r '${dir}/wal' '${copy}'`
    const { acked, refused, lines } = await run([...unshare, 'sh', '-c', script])
    expect(lines.at(-1)).toBe('closed')
    expect(refused.size).toBeGreaterThan(0)
    expect(Math.max(...acked)).toBe(3999)
    expect(await idsInLog(copy)).toEqual([...acked])
    await rm(dir, { recursive: true })
    await rm(copy, { recursive: true })
  })
})
