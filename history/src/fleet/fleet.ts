/** The fleet that a history is made of: shards, pods, the operator, load. Started in the order in which each needs the other. */
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { FLEET_CONFIG_FILE, Operator, prepareOperatorFolder } from '@fractal-lba/demo/fleet/operator'
import { type Pod, startPods } from '@fractal-lba/demo/fleet/pods'
import type { Nursery } from '@fractal-lba/demo/processes/nursery'
import type { Events } from '@fractal-lba/demo/view/events'
import { startToxiproxy, type Toxiproxy } from '../faults/toxiproxy.ts'
import { type AppendFsync, type Backend, type Shard, startShards } from './shards.ts'

export interface FleetOptions {
  readonly backend: Backend
  readonly appendFsync: AppendFsync
  /** How many of the shards own slots in the beginning. */
  readonly owners: number
  readonly dir: string
  /** Path of the toxiproxy server. */
  readonly toxiproxy: string
}

export interface Fleet {
  readonly toxiproxy: Toxiproxy
  readonly shards: readonly Shard[]
  readonly pods: readonly Pod[]
  /** By pod: what clients connect to. */
  readonly podUrls: readonly string[]
  readonly operator: Operator
  readonly adminToken: string
  readonly tenant: string
  readonly hmacKey: string
}

/** What of a fleet is there; grows while it starts, so that a start that fails half-way can be ended too. */
export type PartialFleet = { -readonly [K in keyof Fleet]?: Fleet[K] }

export const SHARDS = 3
const PODS = 3
const TENANT = 'history'

export async function startFleet(options: FleetOptions, nursery: Nursery, events: Events, fleet: PartialFleet): Promise<Fleet> {
  const { backend, appendFsync, dir } = options
  const [adminToken, hmacKey] = [randomBytes(16).toString('hex'), randomBytes(16).toString('hex')]
  const operatorDir = join(dir, 'operator')
  await mkdir(operatorDir, { recursive: true })
  const toxiproxy = await startToxiproxy(options.toxiproxy, join(dir, 'logs'), nursery)
  fleet.toxiproxy = toxiproxy
  const shards = await startShards({ count: SHARDS, backend, appendFsync, dir: join(dir, 'shards') }, toxiproxy, nursery)
  fleet.shards = shards
  const env = {
    DEDUP_BACKEND: backend,
    DEDUP_SHARDS: shards
      .slice(0, options.owners)
      .map(({ url }) => url)
      .join(),
    FLK_FLEET_CONFIG: join(operatorDir, FLEET_CONFIG_FILE),
    FLK_REPLICAS: `${PODS}`,
    MULTI_TENANT: 'true',
    TENANTS: `${TENANT}:hmac:${hmacKey}`,
    TOKEN_RATE: '0',
    FLK_EXAMINE_THREADS: '0',
    FLK_LOG_LEVEL: 'warn',
  }
  const pods = await startPods({ count: PODS, dir: join(dir, 'pods'), env, adminToken }, nursery, events)
  fleet.pods = pods
  const podUrls = await Promise.all(
    pods.map(async ({ name, url }) => `http://127.0.0.1:${await toxiproxy.front(name, Number(new URL(url).port))}`),
  )
  await prepareOperatorFolder(operatorDir, pods, adminToken)
  const operator = new Operator(operatorDir, nursery, events)
  fleet.operator = operator
  events.info(`${shards.length} ${backend} shards, ${pods.length} verifiers, the operator, and a proxy before each of them`)
  return { toxiproxy, shards, pods, podUrls, operator, adminToken, tenant: TENANT, hmacKey }
}
