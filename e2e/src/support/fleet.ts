/** A fleet in a namespace of its own, installed by its chart with bundled shards, and what is done with it in a suite. */
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Verdict } from '@fractal-lba/demo/audit/judge'
import { ADMIN_TLS_SETTINGS, adminTlsSecrets } from './admin-tls.ts'
import type { Kubectl, Resource } from './kubectl.ts'
import { Load } from './load.ts'
import { Hopeless, until } from './until.ts'
import { auditRun } from './verdict.ts'
import { FLEET_CHART, HMAC_KEY, makeNamespace } from './world.ts'

export interface FleetOptions {
  readonly namespace: string
  readonly kind: 'redis' | 'postgres'
  readonly replicas: number
  /** Servers that are there at first, all with slots. */
  readonly shards: number
  /** The admin ports ask their callers for a certificate. Default: false. */
  readonly adminTls?: boolean
  /** Further `--set` values. */
  readonly settings?: readonly string[]
}

const RELEASE = 'fractal-lba'
const INSTALL_TIMEOUT = '180s'
const LOAD_AGENTS = 2
const QUIET_MS = 180_000

/** A ShardMigration as suites read it. */
export interface Migration extends Resource {
  readonly status?: {
    readonly phase?: string
    readonly message?: string
    readonly planHash?: string
    readonly progress?: { readonly percentage: number; readonly keysCopied: number }
    readonly conditions?: readonly {
      readonly type: string
      readonly status: string
      readonly reason: string
      readonly message: string
    }[]
    readonly halt?: { readonly kind: string; readonly reason: string; readonly message: string; readonly reading?: object }
    readonly decisions?: readonly { readonly phase: string; readonly action: string; readonly reason: string }[]
    readonly verbs?: readonly { readonly verb: string; readonly accepted: boolean }[]
    readonly certificate?: { readonly contentId: string; readonly keys: number }
    readonly target?: { readonly upTo: string; readonly cutoverPercent: number }
    readonly [other: string]: unknown
  }
}

export class TestFleet {
  readonly kubectl: Kubectl
  readonly options: FleetOptions
  #load: Load | undefined
  #journals = ''

  private constructor(kubectl: Kubectl, options: FleetOptions) {
    this.kubectl = kubectl
    this.options = options
  }

  static async install(kubectl: Kubectl, options: FleetOptions): Promise<TestFleet> {
    const fleet = new TestFleet(kubectl, options)
    await makeNamespace(kubectl, options.namespace)
    await kubectl.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'signing', namespace: options.namespace },
      stringData: { 'hmac-key': HMAC_KEY },
    })
    if (options.adminTls) await kubectl.apply(...adminTlsSecrets(options.namespace, `${RELEASE}-pods.${options.namespace}.svc`))
    await fleet.upgrade({ shards: options.shards })
    return fleet
  }

  get namespace(): string {
    return this.options.namespace
  }

  /** `helm upgrade --install` with the fleet's values and these. */
  async upgrade(change: {
    readonly shards?: number
    readonly settings?: readonly string[]
    readonly wait?: boolean
  }): Promise<void> {
    const { kind, replicas, adminTls, settings = [] } = this.options
    const all = [
      `shards.kind=${kind}`,
      'shards.bundled.enabled=true',
      `shards.bundled.count=${change.shards ?? this.options.shards}`,
      `shards.bundled.image.repository=docker.io/fractal-lba/${kind}`,
      'shards.bundled.image.tag=test',
      'shards.bundled.resources.requests.cpu=20m',
      `replicas=${replicas}`,
      'resources.requests.cpu=50m',
      'signing.algorithm=hmac',
      'signing.existingSecret=signing',
      'tokenRate=0',
      ...(adminTls ? ADMIN_TLS_SETTINGS : []),
      ...settings,
      ...(change.settings ?? []),
    ]
    await this.kubectl.helm([
      ...['upgrade', '--install', RELEASE, FLEET_CHART, '-n', this.namespace],
      ...(change.wait === false ? [] : ['--wait', '--timeout', INSTALL_TIMEOUT]),
      // Lists as JSON: their texts stay texts, and need no escapes.
      ...all.flatMap((setting) => [/^[^=]+=\[/.test(setting) ? '--set-json' : '--set', setting]),
    ])
  }

  /** Of the first `count` bundled shards. */
  shards(count: number): string[] {
    const host = (index: number) => `${RELEASE}-shard-${index}.${this.namespace}.svc`
    const { kind } = this.options
    return Array.from({ length: count }, (_, index) =>
      kind === 'redis' ? `redis://${host(index)}:6379` : `postgres://${host(index)}:5432/dedup`,
    )
  }

  async startLoad(ratePerSecond: number): Promise<Load> {
    const service = await this.kubectl.get('services', this.namespace, RELEASE)
    const { clusterIP, ports } = service.spec as { clusterIP: string; ports: { port: number }[] }
    this.#journals = await mkdtemp(join(tmpdir(), `flk-e2e-${this.namespace}-`))
    const url = `http://${clusterIP}:${ports[0]?.port}`
    this.#load = await Load.start({ dir: this.#journals, url, hmacKey: HMAC_KEY, agents: LOAD_AGENTS, ratePerSecond })
    return this.#load
  }

  /** Gates that a machine of two cores passes with everything on it, and short times. */
  migration(name: string, from: number, to: number, spec: Record<string, unknown> = {}): object {
    return {
      apiVersion: 'fractal.lba.io/v1',
      kind: 'ShardMigration',
      metadata: { name, namespace: this.namespace },
      spec: {
        sourceShards: this.shards(from),
        targetShards: this.shards(to),
        dedupBackend: this.options.kind,
        throttleQPS: 50_000,
        healthGates: { maxLatencyP95: 1500, maxErrorRate: 2, minDedupHitRatio: 0 },
        gates: { windowSeconds: 5, intervalSeconds: 1, minSamples: 10, failures: 3, of: 4 },
        steps: [10, 100],
        stepSeconds: 2,
        soakSeconds: 2,
        maxLagSeconds: 10,
        progressDeadlineSeconds: 600,
        ...spec,
      },
    }
  }

  readMigration(name: string): Promise<Migration> {
    return this.kubectl.get<Migration>('shardmigrations', this.namespace, name)
  }

  /** Waits for a phase; ends at once, with what it says, when the migration has ended otherwise. */
  async untilPhase(name: string, wanted: readonly string[], timeoutMs: number): Promise<Migration> {
    return until(`${this.namespace}/${name} in phase ${wanted.join(' or ')}`, timeoutMs, async () => {
      const migration = await this.readMigration(name)
      const { phase = 'none', message = '' } = migration.status ?? {}
      if (wanted.includes(phase)) return migration
      if (phase === 'Failed' || phase === 'Completed') throw new Hopeless(`it is ${phase}: ${message}`)
      return `${phase}: ${message}`
    })
  }

  async annotate(name: string, verb: string, value = 'true'): Promise<void> {
    await this.kubectl.run([
      '-n',
      this.namespace,
      'annotate',
      '--overwrite',
      'shardmigration',
      name,
      `fractal.lba.io/${verb}=${value}`,
    ])
  }

  /** Once no migration is under way: ends the load and the verifiers, and asks the auditor about everything that ever happened. */
  async audit(shards: number): Promise<Verdict> {
    await this.#untilQuiet()
    await this.#load?.stop()
    const statefulSet = `statefulset/${RELEASE}`
    await this.kubectl.run(['-n', this.namespace, 'scale', statefulSet, '--replicas=0'])
    const selector = `app.kubernetes.io/instance=${RELEASE},app.kubernetes.io/component=verifier`
    await until('no verifier left', 90_000, async () => {
      const pods = await this.kubectl.list('pods', this.namespace, selector)
      return pods.length === 0 ? pods : `${pods.length} pods`
    })
    const password = await this.#shardPassword()
    const addresses = this.shards(shards).map((address) => {
      const url = new URL(address)
      if (this.options.kind === 'postgres') url.username = 'postgres'
      url.password = password
      return url.href
    })
    return auditRun(this.kubectl, {
      journals: this.#journals,
      shards: addresses,
      namespace: this.namespace,
      claimSelector: selector,
    })
  }

  /** A copy at a shard that does not own it is work in progress until its migration has ended. */
  async #untilQuiet(): Promise<void> {
    await until('no migration under way', QUIET_MS, async () => {
      const all = await this.kubectl.list<Migration>('shardmigrations', this.namespace)
      const busy = all.filter(({ status }) => status?.phase !== 'Completed' && status?.phase !== 'Failed')
      return busy.length === 0 ? all : busy.map(({ metadata, status }) => `${metadata.name}: ${status?.phase}`).join(', ')
    })
  }

  async remove(): Promise<void> {
    await this.#load?.stop()
    await this.kubectl.deleteNamespace(this.namespace)
  }

  async #shardPassword(): Promise<string> {
    const secret = await this.kubectl.get('secrets', this.namespace, `${RELEASE}-shards`)
    return Buffer.from(secret.data?.password ?? '', 'base64').toString('utf8')
  }
}
