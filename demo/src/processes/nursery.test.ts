import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { Nursery } from './nursery.ts'

let dir: string
const program = () => join(dir, 'lives.ts')
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'flk-nursery-'))
  await writeFile(program(), "console.log('here'); process.on('SIGTERM', () => process.exit(7)); setInterval(() => {}, 1000)")
})
afterAll(() => rm(dir, { recursive: true }))

const alive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function untilHere(nursery: Nursery, name: string) {
  const here = Promise.withResolvers<void>()
  const child = nursery.start({ name, file: program(), onLine: () => here.resolve() })
  await here.promise
  return child
}

it('stops a child politely or kills it, and says how it ended', async () => {
  const nursery = Nursery.open(dir)
  const [polite, hard] = [await untilHere(nursery, 'polite'), await untilHere(nursery, 'hard')]
  expect(await polite.stop(5000)).toEqual({ code: 7, signal: null })
  expect(await hard.kill()).toEqual({ code: null, signal: 'SIGKILL' })
  expect([polite.alive, hard.alive]).toEqual([false, false])
  await nursery.close()
})

it('ends what is left when it is closed', async () => {
  const nursery = Nursery.open(dir)
  const child = await untilHere(nursery, 'left')
  await nursery.close()
  await child.ended
  expect(alive(child.pid)).toBe(false)
})

it('ends every child when the process that started them is killed', async () => {
  const parentFile = join(dir, 'parent.ts')
  await writeFile(
    parentFile,
    `import { Nursery } from ${JSON.stringify(join(import.meta.dirname, 'nursery.ts'))}
     const nursery = Nursery.open(${JSON.stringify(dir)})
     const child = nursery.start({ name: 'orphan', file: ${JSON.stringify(program())}, onLine: () => console.log(child.pid) })`,
  )
  const parent = spawn(process.execPath, [parentFile], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(createInterface({ input: parent.stdout }), 'line')
  const pid = Number(line)
  expect(alive(pid)).toBe(true)
  parent.kill('SIGKILL')
  await vi.waitFor(() => expect(alive(pid)).toBe(false), { timeout: 5000 })
})

it("gives a child its own environment, not the caller's, and keeps what it says in a log", async () => {
  process.env.FLK_NURSERY_TEST = 'leaked'
  const file = join(dir, 'env.ts')
  await writeFile(file, "console.error(process.env.FLK_NURSERY_TEST, process.env.GIVEN, process.env.PATH !== '')")
  const nursery = Nursery.open(dir)
  const child = nursery.start({ name: 'env', file, env: { GIVEN: 'yes' } })
  expect(await child.ended).toEqual({ code: 0, signal: null })
  expect(await readFile(child.logFile, 'utf8')).toBe('undefined yes true\n')
  delete process.env.FLK_NURSERY_TEST
  await nursery.close()
})
