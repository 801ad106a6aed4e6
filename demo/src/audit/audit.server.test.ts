import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { slotOfKey } from '@fractal-lba/protocol/ring/slots'
import { startRedis } from '@fractal-lba/servers/redis'
import type { RunningServer } from '@fractal-lba/servers/running-server'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { audit } from './audit.ts'
import type { FindingKind } from './judge.ts'
import { type SoundRun, soundRun } from './testing/sound-run.ts'

let dir: string
let servers: RunningServer[]
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'flk-audit-'))
  servers = await Promise.all([startRedis(), startRedis()])
})
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()))
  await Promise.all([dir, ...servers.map(({ dataDir }) => dataDir)].map((each) => rm(each, { recursive: true, force: true })))
})

let runs = 0
async function freshRun(forget?: number): Promise<SoundRun> {
  for (const server of servers) await redis(server, 'FLUSHALL')
  return soundRun(
    join(dir, `${++runs}`),
    servers.map(({ url }) => url),
    forget,
  )
}

/** One inline command, past every client of ours. */
async function redis(server: RunningServer, command: string): Promise<string> {
  const socket = connect(server.port, '127.0.0.1')
  socket.write(`${command}\r\n`)
  const [reply] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  const text = reply.toString()
  if (text.startsWith('-')) throw new Error(`${command}: ${text}`)
  return text.replace(/^\$\d+\r\n/, '').trim()
}

const place = (key: string) => {
  const slot = slotOfKey(Buffer.from(key, 'hex'))
  return { slot, owner: servers[slot % 2] as RunningServer, other: servers[(slot + 1) % 2] as RunningServer }
}

/** Sets the value that its owner keeps for a key (expiry, then the record) to a Lua expression of what it is, `v`. */
const alter = (key: string, expression: string) => {
  const data = `flk:d:${place(key).slot}`
  const script = `local k=redis.call('HKEYS','${data}')[1] local v=redis.call('HGET','${data}',k) return redis.call('HSET','${data}',k,${expression})`
  return redis(place(key).owner, `EVAL "${script}" 0`)
}

async function command(run: SoundRun): Promise<{ code: number; output: string }> {
  const args = [
    join(import.meta.dirname, 'main.ts'),
    '--journals',
    run.journals,
    '--shards',
    run.shards.join(','),
    '--wals',
    run.wals.join(','),
  ]
  return new Promise((resolve) => {
    execFile(process.execPath, args, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr }),
    )
  })
}

it('vouches for a sound run, as a function and as a command', async () => {
  const run = await freshRun()
  const { findings, checked } = await audit({ ...run, settled: true })
  expect(findings).toEqual([])
  expect(checked).toMatchObject({ acknowledgedKeys: 12, answers: 12, records: 12, effects: 12, slots: 16384, shards: 2 })
  const { code, output } = await command(run)
  expect(output).toContain('12 acknowledged keys')
  expect(output).toContain('All of it is true')
  expect(code).toBe(0)
})

describe('with one thing wrong', () => {
  let run: SoundRun
  let key: string
  beforeEach(async () => {
    run = await freshRun()
    key = run.keys[3] as string
  })
  const changeJournal = async (change: (text: string) => string) => {
    const file = join(run.journals, 'agent-1.jsonl')
    await writeFile(file, change(await readFile(file, 'utf8')))
  }
  const wrongs: [string, FindingKind, () => Promise<unknown>][] = [
    ['a record is removed from its owner', 'lost', () => redis(place(key).owner, `DEL flk:d:${place(key).slot}`)],
    [
      'a second owner holds a copy',
      'two-owners-hold-it',
      async () => {
        const { slot, owner, other } = place(key)
        await redis(owner, `MIGRATE 127.0.0.1 ${other.port} flk:d:${slot} 0 5000 COPY`)
        await redis(other, `HSET flk:slots ${slot} "${await redis(owner, `HGET flk:slots ${slot}`)}"`)
      },
    ],
    [
      'a copy is left where the slot is not owned',
      'orphan',
      async () => {
        const { slot, owner, other } = place(key)
        await redis(owner, `MIGRATE 127.0.0.1 ${other.port} flk:d:${slot} 0 5000 COPY`)
      },
    ],
    [
      'a byte of a record is changed',
      'unknown-content',
      () => alter(key, 'string.sub(v,1,48)..string.char(255-string.byte(v,49))..string.sub(v,50)'),
    ],
    ['a record expires too soon', 'expiry', () => alter(key, `struct.pack('>I8',${Date.now() + 60_000})..string.sub(v,9)`)],
    ['a record never expires', 'expiry', () => alter(key, `struct.pack('>I8',${Date.now() * 2})..string.sub(v,9)`)],
    [
      'a record lies in another slot',
      'lost',
      () => redis(place(key).owner, `RENAME flk:d:${place(key).slot} flk:d:${(place(key).slot + 2) % 16384}`),
    ],
    ['a slot has lost its owner', 'slot-owners', () => redis(place(key).owner, `HDEL flk:slots ${place(key).slot}`)],
    [
      'one answer is another',
      'answer-contradicts-record',
      () => changeJournal((text) => text.replace(/"budget":0\.\d+/, '"budget":0.123')),
    ],
    [
      'the journal knows nothing of a content',
      'unknown-content',
      () => changeJournal((text) => text.replace(/("t":"sent".*"content":")[0-9a-f]{32}/, `$1${'0'.repeat(32)}`)),
    ],
  ]
  it.each(wrongs)('finds that %s', async (_what, kind, breakIt) => {
    await breakIt()
    const { findings } = await audit({ ...run, settled: true })
    expect(findings.map((finding) => finding.kind)).toContain(kind)
  })

  it('says so as a command, with exit code 1', async () => {
    await redis(place(key).owner, `DEL flk:d:${place(key).slot}`)
    const { code, output } = await command(run)
    expect({ code, said: output.includes('lost: acme/') }).toEqual({ code: 1, said: true })
  })
})

it('finds that the effects of a decision were never settled', async () => {
  const run = await freshRun(5)
  const { findings } = await audit({ ...run, settled: true })
  expect(findings.map(({ kind }) => kind).sort()).toEqual(['effects', 'unsettled'])
})

it('says nothing, with exit code 2, when a shard does not answer or a log is missing', async () => {
  const run = await freshRun()
  const missing = await command({ ...run, wals: [join(dir, 'nowhere')] })
  expect(missing.code).toBe(2)
  expect(missing.output).toContain('the audit could not be made')
})
