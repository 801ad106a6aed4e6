import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Outcome } from './outcome.ts'

/** The whole command, as a person would run it, with the readings of a busy machine in mind. */
async function run(
  args: readonly string[],
  interruptAt?: RegExp,
): Promise<{ code: number | null; outcome: Outcome; told: string }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), '--output', 'json', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, told] = ['', '']
  let interrupted = false
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    told += chunk
    if (!interrupted && interruptAt?.test(told)) interrupted = child.kill('SIGINT')
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, outcome: JSON.parse(stdout) as Outcome, told }
}

/** Command lines and environments of verifiers, servers and the operator all name the run's folder. */
async function processesThatKnow(dir: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const told = await Promise.all(
    pids.map(async (pid) => {
      const read = (name: string) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')
      return { pid, text: (await read('cmdline')) + (await read('environ')) }
    }),
  )
  return told.filter(({ text }) => text.includes(dir)).map(({ pid }) => pid)
}

const leftovers = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('flk-demo-'))

it('reshards a fleet of Redis shards under load, and the auditor finds everything true', { timeout: 180_000 }, async () => {
  const before = await leftovers()
  const { code, outcome, told } = await run(['--backend', 'redis', '--brisk', '--rate', '120', '--p95-gate', '10000'])
  expect({ code, problems: outcome.problems, audit: outcome.audit }, told).toMatchObject({
    code: 0,
    problems: [],
    audit: { findings: [], checked: { shards: 3, slots: 16384 } },
  })
  expect(outcome.migration).toMatchObject({ end: 'Completed' })
  const { checked } = outcome.audit as Extract<Outcome['audit'], { checked: object }>
  expect(checked.acknowledgedKeys).toBeGreaterThan(200)
  expect(checked.equivocatedKeys).toBeGreaterThan(10)
  expect(checked.effects).toBe(checked.records)
  expect((await leftovers()).filter((name) => !before.includes(name))).toEqual([])
})

it('audits what there is when it is interrupted in the middle, and leaves no process behind', { timeout: 120_000 }, async () => {
  const { code, outcome, told } = await run(
    ['--backend', 'redis', '--brisk', '--rate', '120', '--p95-gate', '10000'],
    /Copying: /,
  )
  expect({ code, audit: outcome.audit, problems: outcome.problems }, told).toMatchObject({
    code: 130,
    audit: { findings: [] },
    problems: [],
  })
  const kept = outcome.kept as string
  expect(await processesThatKnow(kept)).toEqual([])
  await rm(kept, { recursive: true })
})

it('kills the one verifier of the embedded store, whose log gives it everything back', { timeout: 60_000 }, async () => {
  const { code, outcome, told } = await run(['--backend', 'memory', '--duration', '4', '--rate', '200'])
  expect({ code, audit: outcome.audit }, told).toMatchObject({ code: 0, audit: { findings: [], checked: { shards: 0 } } })
})
