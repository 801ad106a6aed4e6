/** `dedup-migrate verify` is itself verified: what it certified is spoilt at a real shard in each way, and it has to end with 1. */
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { slotOfKey } from '@fractal-lba/protocol/ring/slots'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Bed, startBed } from '../testing/shard-bed.ts'

const COMMAND = join(import.meta.dirname, '../../bin/dedup-migrate.mjs')
const RECORDS = 300
const DAY_MS = 86_400_000

let folder: string
let bed: Bed
const migrate = (...args: string[]) => spawnSync(process.execPath, [COMMAND, ...args], { cwd: folder, encoding: 'utf8' })
const verify = () => migrate('verify', '--from', bed.urls(2), '--certificate', 'm.json')

/** Runs Lua at the shard that the slots went to, past every client of ours; `slot` is one that holds records there. */
async function atTarget(body: string): Promise<string> {
  const socket = connect(Number(new URL(bed.shards[1]!.url).port), '127.0.0.1')
  const find = "local name=redis.call('KEYS','flk:d:*')[1] local k=redis.call('HKEYS',name)[1] local v=redis.call('HGET',name,k)"
  socket.write(`EVAL "${find} ${body}" 0\r\n`)
  const [reply] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  if (reply.toString().startsWith('-')) throw new Error(reply.toString())
  return reply.toString()
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flk-verify-'))
  bed = await startBed('redis', 2)
  await bed.found(1)
  const puts = Array.from({ length: RECORDS }, () => {
    const key = randomBytes(32)
    return { key, slot: slotOfKey(key), record: randomBytes(70), expiresAtMs: Date.now() + DAY_MS }
  })
  await bed.shards[0]!.data.put(puts, Date.now() + 10_000)
  const args = ['--pods-know-targets', '--soak', '0', '--step-seconds', '0.1', '--certificate', 'm.json']
  const done = migrate('run', '--from', bed.urls(1), '--to', bed.urls(2), ...args)
  expect(done.status, done.stderr).toBe(0)
}, 120_000)
afterAll(async () => {
  await bed?.close()
  await rm(folder, { recursive: true, force: true })
})

const SAVE = "redis.call('SET','test:name',name) redis.call('SET','test:saved',redis.call('DUMP',name))"
const RESTORE =
  "name=redis.call('GET','test:name') redis.call('DEL',name) redis.call('RESTORE',name,0,redis.call('GET','test:saved')) redis.call('DEL','test:name','test:saved','flk:d:16384') return 1"
const CORRUPTIONS: readonly (readonly [string, string])[] = [
  ['a lost record', "redis.call('HDEL',name,k)"],
  ['a changed byte', "redis.call('HSET',name,k,string.sub(v,1,20)..string.char(255-string.byte(v,21))..string.sub(v,22))"],
  ['a wrong expiry', "redis.call('HSET',name,k,string.sub(v,1,7)..string.char(255-string.byte(v,8))..string.sub(v,9))"],
  [
    'a key of another name',
    "redis.call('HDEL',name,k) redis.call('HSET',name,string.sub(k,1,31)..string.char(255-string.byte(k,32)),v)",
  ],
  ['records in another slot', "redis.call('RENAME',name,'flk:d:16384')"],
]

it.each(CORRUPTIONS)('verify ends with 1 for %s, and with 0 without it', { timeout: 60_000 }, async (_what, corruption) => {
  expect(verify()).toMatchObject({ status: 0, stdout: expect.stringMatching(/0 wrong/) })
  await atTarget(`${SAVE} ${corruption} return 1`)
  const { status, stdout, stderr } = verify()
  await atTarget(RESTORE)
  expect({ status, said: stdout + stderr }).toMatchObject({ status: 1, said: expect.stringMatching(/1 wrong|records|others/) })
})
