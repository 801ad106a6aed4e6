import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { startRedis } from '@fractal-lba/servers/redis'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Workbench } from './workbench.ts'

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'flk-workbench-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

const alive = (pid: number) => existsSync(`/proc/${pid}`)
const redis = (dataDir: string) => startRedis({ dataDir, ownSession: true })

it('servers are gone after their use, with their data, also when the use fails', async () => {
  const bench = await Workbench.open(() => undefined)
  let pids: number[] = []
  const using = bench.servers(2, redis, async (servers) => {
    pids = servers.map(({ pid }) => pid as number)
    throw new Error(`used ${servers.length}`)
  })
  await expect(using).rejects.toThrow('used 2')
  expect(pids.map(alive)).toEqual([false, false])
  expect(await readdir(bench.dir)).toEqual([])
  await bench.close()
  expect(existsSync(bench.dir)).toBe(false)
})

it('stops those that started when another does not', async () => {
  const bench = await Workbench.open(() => undefined)
  const started: number[] = []
  const start = async (dataDir: string) => {
    if (dataDir.endsWith('2')) throw new Error('no second one')
    const server = await redis(dataDir)
    started.push(server.pid as number)
    return server
  }
  await expect(bench.servers(2, start, async () => 'used')).rejects.toThrow('no second one')
  expect(started.map(alive)).toEqual([false])
  await bench.close()
})

it('an interrupt ends everything that was started, under those who use it', async () => {
  const file = join(dir, 'interrupted.ts')
  const source = (name: string) => JSON.stringify(join(import.meta.dirname, name))
  await writeFile(
    file,
    `import { spawn } from 'node:child_process'
     import { startRedis } from ${source('../../../servers/src/redis.ts')}
     import { Workbench } from ${source('workbench.ts')}
     const bench = await Workbench.open(() => {})
     try {
       await bench.servers(2, (dataDir) => startRedis({ dataDir, ownSession: true }), async (servers) => {
         const child = spawn('sleep', ['1000'], { detached: true })
         bench.adopt(child)
         console.log(JSON.stringify({ pids: [...servers.map(({ pid }) => pid), child.pid], dir: bench.dir }))
         await new Promise(() => setInterval(() => {}, 1000))
       })
     } catch (error) {
       await bench.close()
       console.log(error.message)
       process.exit(error.exitCode)
     }`,
  )
  const parent = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(parent, 'exit')
  const lines = createInterface({ input: parent.stdout })[Symbol.asyncIterator]()
  const { pids, dir: scratch } = JSON.parse((await lines.next()).value as string) as { pids: number[]; dir: string }
  expect(pids.map(alive)).toEqual([true, true, true])
  parent.kill('SIGINT')
  expect(await exited).toEqual([130, null])
  expect((await lines.next()).value).toBe('Interrupted; nothing was left running.')
  expect(pids.map(alive)).toEqual([false, false, false])
  expect(existsSync(scratch)).toBe(false)
})
