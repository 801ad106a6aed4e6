import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Proxied, proxiedClient, startWidgetServer } from '../testing/proxied.ts'
import { until } from '../testing/until.ts'
import { WIDGET, type Widget, widget } from '../testing/widgets.ts'
import { LEASE } from './lease-record.ts'

interface Said {
  readonly atMs: number
  readonly identity: string
  readonly news?: 'leading' | 'standby' | 'stopped'
  readonly epoch?: number
  readonly refused?: string
}

const NAMESPACES = ['killed', 'paused-by-sigstop', 'paused-by-sigusr2', 'stopped', 'recorded']
const PROGRAM = join(import.meta.dirname, '../testing/leader-process.ts')
const QUICK_TIMES = ['3000', '2000', '400']
let server: Proxied
const children: ChildProcess[] = []
let said: Said[] = []

beforeAll(async () => {
  server = await startWidgetServer(NAMESPACES)
  for (const namespace of NAMESPACES) await server.direct.create(WIDGET, widget(namespace, 'written', 0))
})
afterAll(() => server?.close())
beforeEach(() => {
  said = []
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

function start(identity: string, namespace: string, times: readonly string[] = []): ChildProcess {
  const child = spawn(process.execPath, [PROGRAM, identity, namespace, ...times], {
    env: { ...process.env, KUBECONFIG: server.plane.kubeconfig },
  })
  children.push(child)
  let rest = ''
  child.stdout.on('data', (chunk) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() as string
    for (const line of lines) said.push(JSON.parse(line))
  })
  child.stderr.on('data', (chunk) => process.stderr.write(chunk))
  return child
}

const leads = (identity: string) => said.find((one) => one.identity === identity && one.news === 'leading')
const untilLeads = async (identity: string, limitMs = 20_000): Promise<Said> => {
  await until(`${identity} leads`, () => leads(identity) !== undefined, limitMs)
  return leads(identity) as Said
}
const holder = async (namespace: string) => (await server.direct.get(LEASE, { namespace, name: 'lease' }))?.spec?.holderIdentity

describe('the leader election, between processes', () => {
  it('passes to a standby within the lease and a retry after the leader is killed, with the default times', async () => {
    const first = start('first', 'killed')
    const { epoch } = await untilLeads('first')
    start('second', 'killed')
    await until('the second is there', async () => (await holder('killed')) === 'first')
    first.kill('SIGKILL')
    const killedMs = Date.now()
    const second = await untilLeads('second', 30_000)
    expect(second.atMs - killedMs).toBeLessThanOrEqual(15_000 + 2 * 2_400 + 500)
    expect(second.epoch).toBe((epoch as number) + 1)
  })

  it.each<[string, 'SIGSTOP' | 'SIGUSR2']>([
    ['somewhere', 'SIGSTOP'],
    ['just before a write', 'SIGUSR2'],
  ])(
    'lets no deposed leader write over its successor: one that was paused %s, beyond its lease, writes nothing more',
    async (_, pause) => {
      const namespace = `paused-by-${pause.toLowerCase()}`
      const writes: Widget[] = []
      await using through = await proxiedClient(server.plane)
      const cache = through.cacheOf<Widget>({ type: WIDGET, namespaces: [namespace] })
      cache.onChange(({ new: now }) => now && writes.push(now))
      cache.start()
      const first = start('first', namespace, QUICK_TIMES)
      await untilLeads('first')
      await until('it writes', () => writes.some((one) => one.spec?.colour === 'first'))
      start('second', namespace, QUICK_TIMES)
      first.kill(pause)
      const { epoch } = await untilLeads('second')
      await until('the second writes', () => writes.at(-1)?.spec?.colour === 'second')
      first.kill('SIGCONT')
      await until('the first knows', () => said.some((one) => one.identity === 'first' && one.news === 'standby'))
      const before = writes.length
      await until('the second goes on', () => writes.length > before + 20)
      if (pause === 'SIGUSR2') expect(said).toContainEqual(expect.objectContaining({ identity: 'first', refused: 'NotLeading' }))
      const epochs = writes.map((one) => one.spec?.size as number).filter((size) => size > 0)
      expect(epochs).toEqual([...epochs].sort((a, b) => a - b))
      expect(epochs.at(-1)).toBe(epoch)
    },
  )

  it('is handed over within a second when the leader is told to stop, its holder emptied at once', async () => {
    const first = start('first', 'stopped')
    await untilLeads('first')
    start('second', 'stopped')
    await until('the second waits', async () => (await holder('stopped')) === 'first')
    // It has seen the Lease when it has tried once; its program takes a while to load.
    await until('its first look', async () => {
      const audit = await import('node:fs/promises').then((fs) => fs.readFile(server.plane.auditLog, 'utf8'))
      return audit
        .split('\n')
        .some((line) => line.includes('"userAgent":"second"') && line.includes('"verb":"watch"') && line.includes('stopped'))
    })
    first.kill('SIGTERM')
    const toldMs = Date.now()
    const second = await untilLeads('second')
    expect(second.atMs - toldMs).toBeLessThanOrEqual(1_000)
    await until('the first is out', () => said.some((one) => one.identity === 'first' && one.news === 'stopped'))
    const standby = said.find((one) => one.identity === 'first' && one.news === 'standby')
    expect(standby?.atMs).toBeLessThanOrEqual(second.atMs)
  })

  it('writes times with six digits, as the API server demands', async () => {
    start('first', 'recorded', QUICK_TIMES)
    await untilLeads('first')
    const lease = await server.direct.get(LEASE, { namespace: 'recorded', name: 'lease' })
    expect(lease?.spec).toMatchObject({ holderIdentity: 'first', leaseDurationSeconds: 3 })
    expect(lease?.spec?.acquireTime).toMatch(/\.\d{6}Z$/)
    expect(lease?.spec?.renewTime).toMatch(/\.\d{6}Z$/)
  })
})
