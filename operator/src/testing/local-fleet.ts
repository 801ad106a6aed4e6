/** A real fleet for tests: Redis servers as shards, the first of which owns every slot, and verifier pods as processes. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { dedupKey, slotOfKey } from '@fractal-lba/protocol/ring/slots'
import { startRedis } from '@fractal-lba/servers/redis'
import type { RunningServer } from '@fractal-lba/servers/running-server'
import { parseShardAddress } from '@fractal-lba/shards/address'
import { openShardControl, openShardData } from '@fractal-lba/shards/open'
import { parse, stringify } from 'yaml'
import type { ShardMigrationStatus } from '../api/status.ts'
import { replaceFile } from '../local/atomic-file.ts'
import { type Child, startChild } from './child.ts'
import { pcsId } from './load.ts'

const POD_MAIN = fileURLToPath(new URL('../../../backend/src/main.ts', import.meta.url))
export const OPERATOR_MAIN = fileURLToPath(new URL('../main.ts', import.meta.url))
const TOKEN = 'test-admin-token'
/** For machines that are busy with other things; what is waited for comes in a few seconds on one that is not. */
export const PATIENCE_MS = 90_000
const FAST = {
  gates: { windowSeconds: 1, intervalSeconds: 0.2, minSamples: 10, failures: 2, of: 3 },
  healthGates: { maxLatencyP95: 2000, maxErrorRate: 1, minDedupHitRatio: 5 },
  throttleQPS: 100_000,
  steps: [10, 100],
  stepSeconds: 0.3,
  soakSeconds: 0.3,
  progressDeadlineSeconds: 30,
}

export type OperatorProcess = Child<{ event: string; metrics: string | null }>

export interface TestFleet {
  readonly folder: string
  readonly shards: readonly string[]
  readonly urls: readonly string[]
  startOperator(args?: readonly string[]): Promise<OperatorProcess>
  /** Writes a manifest of a migration between shards given by number; `spec` adds and overrides. */
  apply(name: string, from: readonly number[], to: readonly number[], spec?: object, metadata?: object): Promise<void>
  remove(name: string): Promise<void>
  status(name: string): Promise<ShardMigrationStatus | undefined>
  /** Waits until the status is so. @throws Error with the last status when it takes too long. */
  until(name: string, holds: (status: ShardMigrationStatus) => boolean): Promise<ShardMigrationStatus>
  /** How many of the numbered summaries are held by their slot's owner, and by shards that do not own it. */
  audit(
    numbers: Iterable<number>,
  ): Promise<{ atOwner: number; elsewhere: number; missing: number[]; owners: Record<string, number> }>
  podRevisions(): Promise<string[]>
  stop(): Promise<void>
}

export async function startTestFleet(shardCount: number, podCount: number): Promise<TestFleet> {
  const folder = await mkdtemp(join(tmpdir(), 'flk-operator-'))
  const servers: RunningServer[] = await Promise.all(Array.from({ length: shardCount }, () => startRedis()))
  const shards = servers.map((server) => server.url)
  const env = {
    PORT: '0',
    FLK_HOST: '127.0.0.1',
    FLK_ADMIN_PORT: '0',
    FLK_ADMIN_TOKEN: TOKEN,
    TOKEN_RATE: '0',
    DEDUP_BACKEND: 'redis',
    DEDUP_SHARDS: shards[0] as string,
    FLK_FLEET_CONFIG: join(folder, 'fleet-config.json'),
    FLK_EXAMINE_THREADS: '0',
    FLK_LOG_LEVEL: 'warn',
  }
  const pods = await Promise.all(
    Array.from({ length: podCount }, (_, i) =>
      startChild<{ port: number; adminPort: number }>(POD_MAIN, [], {
        ...env,
        FLK_POD_NAME: `pod-${i}`,
        WAL_DIR: join(folder, `.wal-${i}`),
      }),
    ),
  )
  await writeFile(join(folder, 'admin.token'), TOKEN)
  const fleet = {
    apiVersion: 'fractal.lba.io/v1',
    kind: 'Fleet',
    metadata: { name: 'test' },
    spec: {
      pods: pods.map(({ ready }, i) => ({ name: `pod-${i}`, adminURL: `http://127.0.0.1:${ready.adminPort}` })),
      adminToken: { file: 'admin.token' },
    },
  }
  await writeFile(join(folder, 'fleet.yaml'), stringify(fleet))
  const operators = new Set<OperatorProcess>()

  async function status(name: string): Promise<ShardMigrationStatus | undefined> {
    const text = await readFile(join(folder, `${name}.status.yaml`), 'utf8').catch(() => '')
    return (parse(text) as { status?: ShardMigrationStatus } | null)?.status
  }

  return {
    folder,
    shards,
    urls: pods.map(({ ready }) => `http://127.0.0.1:${ready.port}`),
    async startOperator(args = []) {
      const operator: OperatorProcess = await startChild(OPERATOR_MAIN, ['--local', folder, '--metrics-port', '0', ...args], {})
      operators.add(operator)
      return operator
    },
    async apply(name, from, to, spec = {}, metadata = {}) {
      const addresses = (indexes: readonly number[]) => indexes.map((i) => shards[i] as string)
      const manifest = {
        apiVersion: 'fractal.lba.io/v1',
        kind: 'ShardMigration',
        metadata: { name, ...metadata },
        spec: { sourceShards: addresses(from), targetShards: addresses(to), dedupBackend: 'redis', ...FAST, ...spec },
      }
      await replaceFile(join(folder, `${name}.yaml`), stringify(manifest))
    },
    remove: (name) => rm(join(folder, `${name}.yaml`)),
    status,
    async until(name, holds) {
      let last: ShardMigrationStatus | undefined
      for (const untilMs = Date.now() + PATIENCE_MS; Date.now() < untilMs; ) {
        last = await status(name)
        if (last && holds(last)) return last
        await new Promise((resolve) => setTimeout(resolve, 25))
      }
      const logs = [...operators].map((operator) => operator.stderr().slice(-3000)).join('\n')
      throw new Error(
        `${name} did not come to what was waited for; last: ${JSON.stringify(last, undefined, 1)?.slice(0, 6000)}\n${logs}`,
      )
    },
    async audit(numbers) {
      const addresses = shards.map(parseShardAddress)
      const owner = new Map<number, number>()
      for (const [i, address] of addresses.entries()) {
        const control = openShardControl(address)
        const { slots } = await control.describe()
        for (const row of slots) if (row.role === 'owned') owner.set(row.slot, i)
        await control.close()
      }
      const list = [...numbers]
      const keys = list.map((n) => dedupKey('default', pcsId(n)))
      let [atOwner, elsewhere] = [0, 0]
      const missing = new Set(list)
      for (const [i, address] of addresses.entries()) {
        const data = openShardData(address)
        for (let start = 0; start < keys.length; start += 500) {
          const records = await data.get(keys.slice(start, start + 500), Date.now() + 5000)
          for (const [k, record] of records.entries()) {
            if (!record) continue
            if (owner.get(slotOfKey(keys[start + k] as Buffer)) === i) {
              atOwner++
              missing.delete(list[start + k] as number)
            } else elsewhere++
          }
        }
        await data.close()
      }
      const owners: Record<string, number> = {}
      for (const i of owner.values()) owners[i] = (owners[i] ?? 0) + 1
      return { atOwner, elsewhere, missing: [...missing], owners }
    },
    async podRevisions() {
      const reports = await Promise.all(
        pods.map(({ ready }) =>
          fetch(`http://127.0.0.1:${ready.adminPort}/admin/v1/report`, { headers: { authorization: `Bearer ${TOKEN}` } }),
        ),
      )
      return (await Promise.all(reports.map((report) => report.json() as Promise<{ configRevision: string }>))).map(
        (report) => report.configRevision,
      )
    },
    async stop() {
      for (const operator of operators)
        if (operator.process.exitCode === null && operator.process.signalCode === null) await operator.end('SIGKILL')
      await Promise.all(pods.map((pod) => pod.end('SIGKILL')))
      await Promise.all(servers.map((server) => server.stop()))
      await rm(folder, { recursive: true, force: true })
    },
  }
}
