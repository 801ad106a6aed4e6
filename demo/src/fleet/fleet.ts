/** A whole fleet on this machine: shards, verifier pods, the operator, agents. Started in the order in which each needs the other. */
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { FAULTS_BY_NAME } from '../faults/faults.ts'
import type { Options } from '../options.ts'
import type { Nursery } from '../processes/nursery.ts'
import type { Events } from '../view/events.ts'
import { Agents } from './agents.ts'
import { FLEET_CONFIG_FILE, Operator, prepareOperatorFolder } from './operator.ts'
import { type Pod, startPods } from './pods.ts'
import { type Shard, startShards } from './shards.ts'

const PODS = 3
const AGENTS = 2
const AGENTS_START_TIMEOUT_MS = 30_000

export interface Fleet {
  readonly shards: readonly Shard[]
  readonly pods: readonly Pod[]
  /** Undefined where there is nothing to operate: the embedded store. */
  readonly operator: Operator | undefined
  readonly agents: Agents
  readonly adminToken: string
  readonly journalDir: string
}

/** What of a fleet is there; grows while it starts, so that a start that fails half-way can be ended too. */
export type PartialFleet = { -readonly [K in keyof Fleet]?: Fleet[K] }

export async function startFleet(
  options: Options,
  dir: string,
  nursery: Nursery,
  events: Events,
  fleet: PartialFleet,
): Promise<Fleet> {
  const { backend } = options
  const began = performance.now()
  const took = () => `${((performance.now() - began) / 1000).toFixed(1)} s`
  const secret = () => randomBytes(16).toString('hex')
  const adminToken = secret()
  const tenants = ['atlantic', 'pacific'].map((tenant) => ({ tenant, hmacKey: secret() }))
  const operatorDir = join(dir, 'operator')
  const journalDir = join(dir, 'journals')
  for (const sub of [operatorDir, journalDir]) await mkdir(sub, { recursive: true })
  fleet.adminToken = adminToken
  fleet.journalDir = journalDir

  const proxied = (options.fault && FAULTS_BY_NAME[options.fault].proxied) ?? []
  const shards = backend === 'memory' ? [] : await startShards({ backend, dir: join(dir, 'shards'), proxied }, nursery)
  fleet.shards = shards
  if (shards.length > 0) events.info(`${shards.length} ${backend} shards run (${took()})`)

  const env = {
    DEDUP_BACKEND: backend,
    ...(shards[0] && { DEDUP_SHARDS: shards[0].url, FLK_FLEET_CONFIG: join(operatorDir, FLEET_CONFIG_FILE) }),
    FLK_REPLICAS: `${backend === 'memory' ? 1 : PODS}`,
    MULTI_TENANT: 'true',
    TENANTS: tenants.map(({ tenant, hmacKey }) => `${tenant}:hmac:${hmacKey}`).join(','),
    TOKEN_RATE: '0',
    // With two cores for all of this, threads of the verifiers' own would only get into each other's way.
    FLK_EXAMINE_THREADS: '0',
  }
  const pods = await startPods(
    { count: backend === 'memory' ? 1 : PODS, dir: join(dir, 'pods'), env, adminToken },
    nursery,
    events,
  )
  fleet.pods = pods
  events.info(
    `${pods.length === 1 ? 'one verifier listens' : `${pods.length} verifiers listen`} (${took()})${shards.length > 0 ? `; ${shards[0]?.name} owns all slots` : ''}`,
  )

  let operator: Operator | undefined
  if (shards.length > 0) {
    await prepareOperatorFolder(operatorDir, pods, adminToken)
    operator = new Operator(operatorDir, nursery, events)
    fleet.operator = operator
    events.info(`the operator watches ${operatorDir}`)
  }

  const agents = new Agents(
    {
      count: AGENTS,
      ratePerSecond: options.rate,
      dir: journalDir,
      tenants,
      orders: { pods: pods.map(({ name, url }) => ({ name, url })) },
    },
    nursery,
    events,
  )
  fleet.agents = agents
  await agents.untilSending(AGENTS_START_TIMEOUT_MS)
  events.info(`${AGENTS} agents summarise 200,000 flights and submit ${options.rate} summaries a second (${took()})`)
  return { shards, pods, operator, agents, adminToken, journalDir }
}
