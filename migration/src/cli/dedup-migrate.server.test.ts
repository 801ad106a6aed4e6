import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { audit, LiveWriters } from '../testing/live-writers.ts'
import { type Bed, startBed } from '../testing/shard-bed.ts'

const COMMAND = join(import.meta.dirname, '../../bin/dedup-migrate.mjs')

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

let folder: string
let bed: Bed
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flk-migrate-'))
  bed = await startBed('redis', 3)
  await bed.found(1)
})
afterAll(() => bed?.close())

/** Starts the command; `stop` gets the child, to kill it when it likes. */
async function migrate(args: readonly string[], stop?: (child: ChildProcess) => Promise<void>): Promise<Ended> {
  const child = spawn(process.execPath, [COMMAND, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: stop !== undefined,
  })
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8')
    child[name].on('data', (text: string) => {
      output[name] += text
    })
  }
  void stop?.(child)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, ...output }
}

/**
 * Once it has said something, and then at some moment. The command is a launcher and its child: a power cut takes both, and a
 * terminal's Ctrl-C reaches both.
 */
const signalGroup = (signal: NodeJS.Signals, withinMs: number) => async (child: ChildProcess) => {
  await once(child.stderr!, 'data')
  await delay(Math.random() * withinMs)
  if (child.exitCode === null && child.pid) process.kill(-child.pid, signal)
}

describe('dedup-migrate', () => {
  it('says what is wrong with a command line, and refuses what is out of order', { timeout: 60_000 }, async () => {
    const shards = ['--from', bed.urls(1), '--to', bed.urls(3)]
    const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
      [['fly'], 2, /unknown command/],
      [['plan', '--to', bed.urls(3)], 2, /--from .* must list/],
      [['plan', '--from', 'http://secret:word@a', '--to', bed.urls(3)], 2, /start with redis:\/\/ or postgres:\/\//],
      [['run', ...shards, '--steps', '50,10'], 2, /rising percentages/],
      [['cutover', ...shards, '--pods-know-targets'], 3, /`copy` comes first/],
      [['rollback', ...shards], 3, /no migration to roll back/],
      [['run', ...shards], 3, /--pods-know-targets/],
    ]
    const results = await Promise.all(cases.map(([args]) => migrate(args)))
    cases.forEach(([args, code, message], index) => {
      const { stderr, ...rest } = results[index]!
      expect({ args: args[0], ...rest, stderr }).toMatchObject({ code, stderr: expect.stringMatching(message) })
      expect(stderr).not.toContain('secret')
    })
  })

  it('is killed at any moment and given again, until it is complete; then its certificate holds', {
    timeout: 120_000,
  }, async () => {
    const shards = ['--from', bed.urls(1), '--to', bed.urls(3)]
    const order = [
      'run',
      ...shards,
      '--pods-know-targets',
      '--soak',
      '0.2',
      '--step-seconds',
      '0.1',
      '--certificate',
      'run.json',
      '--take-over',
    ]
    const writers = new LiveWriters(bed, 2, 10)
    const plan = await migrate(['plan', ...shards, '--output', 'json'])
    expect(JSON.parse(plan.stdout)).toMatchObject({ from: bed.ids(1), to: bed.ids(3) })

    const interrupted = await migrate(order, signalGroup('SIGINT', 300))
    expect([0, 130]).toContain(interrupted.code)
    if (interrupted.code === 130) expect(interrupted.stderr).toMatch(/safe point.*\n.*same command again/)
    for (let kill = 0; kill < 3; kill++) {
      const { code } = await migrate(order, signalGroup('SIGKILL', 1500))
      if (code === 0) break
    }
    const last = await migrate(order)
    expect(last, last.stderr).toMatchObject({ code: 0 })
    await writers.stop()
    expect(await audit(bed, writers)).toEqual([])

    const status = await migrate(['status', ...shards, '--output', 'json'])
    expect(JSON.parse(status.stdout)).toMatchObject({ phase: 'Completed', outcome: 'completed' })
    const checked = await migrate(['verify', '--from', bed.urls(3), '--certificate', 'run.json'])
    expect(checked, checked.stderr).toMatchObject({ code: 0, stdout: expect.stringMatching(/0 wrong/) })

    // As the operator keeps it in a cluster.
    await writeFile(join(folder, 'run.json.gz'), gzipSync(await readFile(join(folder, 'run.json'))))
    const unpacked = await migrate(['verify', '--from', bed.urls(3), '--certificate', 'run.json.gz'])
    expect(unpacked, unpacked.stderr).toMatchObject({ code: 0, stdout: expect.stringMatching(/0 wrong/) })
  })

  it('gives everything back on rollback, also what was written since', { timeout: 90_000 }, async () => {
    const shards = ['--from', bed.urls(3), '--to', bed.urls(2)]
    const writers = new LiveWriters(bed, 2, 10)
    for (const args of [
      ['copy', ...shards],
      ['verify', ...shards],
      ['dual-write', ...shards, '--soak', '0'],
      ['cutover', ...shards, '--soak', '0', '--steps', '30,100', '--step-seconds', '0.1', '--pods-know-targets'],
    ]) {
      const done = await migrate(args)
      expect(done, `${args[0]}: ${done.stderr}`).toMatchObject({ code: 0 })
    }
    const back = await migrate(['rollback', ...shards])
    expect(back, back.stderr).toMatchObject({ code: 0, stdout: expect.stringMatching(/RolledBack/) })
    await writers.stop()
    expect(await audit(bed, writers)).toEqual([])
  })
})
