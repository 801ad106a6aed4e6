/**
 * The fleet of a namespace: a StatefulSet of verifiers as the chart makes it, whose annotations name the ConfigMap with the desired
 * config and the Secrets. The ConfigMap is written before pods are pushed to: what a pod reads when it starts is never older than what
 * its neighbours were told.
 */
import type { ConfigPush } from '@fractal-lba/protocol/config/fleet-config'
import type { PoliciesPush } from '@fractal-lba/protocol/config/policies'
import { type ShardAddress, type ShardCredentials, withCredentials } from '@fractal-lba/shards/address'
import type { ShardControl } from '@fractal-lba/shards/port'
import { GROUP } from '../api/group.ts'
import type { ConfiguredFleet } from '../controllers/fleetconfig/controller.ts'
import type { AdminTls } from '../fleet/admin-call.ts'
import type { PodAddress } from '../fleet/fleet-file.ts'
import { pushConfig, pushPolicies, readReport } from '../fleet/pod-client.ts'
import { type Fleet, FleetUnavailable, type PodReading, type PushResult } from '../fleet/port.ts'
import type { Cache } from '../runtime/cache/cache.ts'
import type { KubeClient } from '../runtime/client/kube-client.ts'
import type { ObjectRef } from '../runtime/client/objects.ts'
import { FLEET_CONFIG_DOCUMENT, POLICIES_DOCUMENT, readDocument, writeDocument } from './desired-documents.ts'
import { type Pod, SECRETS, type StatefulSet } from './resources.ts'

/** Labels of the StatefulSet and its pods. */
export const FLEET_LABELS = { 'app.kubernetes.io/name': 'fractal-lba', 'app.kubernetes.io/component': 'verifier' } as const
export const INSTANCE_LABEL = 'app.kubernetes.io/instance'

/** Annotations of the StatefulSet. */
const ADMIN_SECRET = `${GROUP}/admin-secret`
const CONFIG_MAP = `${GROUP}/config-map`
const CREDENTIALS_SECRET = `${GROUP}/shard-credentials-secret`
/** Set where the pods' admin port speaks HTTPS: the operator's certificate and their CA, and the name in theirs. */
const TLS_SECRET = `${GROUP}/admin-tls-secret`
const TLS_SERVER_NAME = `${GROUP}/admin-tls-server-name`

const ADMIN_PORT_NAME = 'admin'
/** So long a Secret that was read is believed; a rotated token or password is taken up after that. */
const SECRET_TTL_MS = 30_000

export interface FleetParts {
  readonly client: KubeClient
  readonly pods: Cache<Pod>
  readonly statefulSets: Cache<StatefulSet>
  readonly now: () => number
}

export class KubernetesFleet implements Fleet, ConfiguredFleet {
  readonly #parts: FleetParts
  readonly #namespace: string
  readonly #instance: string | undefined
  readonly #secrets = new Map<string, { readonly data: Readonly<Record<string, string>>; readonly readMs: number }>()

  /** @param instance the release that made it; may be left out where the namespace has one fleet. */
  constructor(parts: FleetParts, namespace: string, instance: string | undefined) {
    this.#parts = parts
    this.#namespace = namespace
    this.#instance = instance
  }

  /** @throws FleetUnavailable where there is none, or not one. */
  workload(): StatefulSet {
    const labels = { ...FLEET_LABELS, ...(this.#instance !== undefined && { [INSTANCE_LABEL]: this.#instance }) }
    const found = this.#parts.statefulSets.list({ namespace: this.#namespace, labels })
    const [only] = found
    if (only && found.length === 1) return only
    const where = `namespace ${this.#namespace}`
    if (only) {
      const releases = found.map(({ metadata }) => metadata.labels?.[INSTANCE_LABEL] ?? metadata.name).sort()
      throw new FleetUnavailable('FleetAmbiguous', `${where} has several fleets: ${releases.join(', ')}`)
    }
    const named = this.#instance === undefined ? '' : ` of the release "${this.#instance}"`
    throw new FleetUnavailable('FleetNotFound', `${where} has no fleet${named}`)
  }

  exists(): boolean {
    try {
      this.workload()
      return true
    } catch (error) {
      if (error instanceof FleetUnavailable) return error.reason !== 'FleetNotFound'
      throw error
    }
  }

  async read(timeoutMs: number): Promise<readonly PodReading[]> {
    const workload = this.workload()
    const [token, tls] = await Promise.all([this.#adminToken(workload), this.#adminTls(workload)])
    return Promise.all(
      this.#podNames(workload).map((name) => {
        const reached = this.#reach(name, tls)
        if ('error' in reached) return { pod: name, report: undefined, error: reached.error }
        return readReport(reached, token, timeoutMs)
      }),
    )
  }

  async configure(push: ConfigPush, timeoutMs: number): Promise<readonly PushResult[]> {
    const workload = this.workload()
    const names = this.#podNames(workload)
    const seen = await writeDocument(this.#parts.client, this.#configMap(workload), FLEET_CONFIG_DOCUMENT, push)
    if (seen !== undefined) return names.map((pod) => ({ pod, kind: 'fenced', seen }))
    return this.pushTo(names, push, timeoutMs)
  }

  desired(): Promise<ConfigPush | undefined> {
    return readDocument(this.#parts.client, this.#configMap(this.workload()), FLEET_CONFIG_DOCUMENT)
  }

  pushTo(pods: readonly string[], push: ConfigPush, timeoutMs: number): Promise<readonly PushResult[]> {
    return this.#toEach(pods, (pod, token) => pushConfig(pod, token, push, timeoutMs))
  }

  stablePolicies(): Promise<PoliciesPush | undefined> {
    return readDocument(this.#parts.client, this.#configMap(this.workload()), POLICIES_DOCUMENT)
  }

  /** @returns a higher epoch that is there already. */
  keepStablePolicies(push: PoliciesPush): Promise<number | undefined> {
    return writeDocument(this.#parts.client, this.#configMap(this.workload()), POLICIES_DOCUMENT, push)
  }

  pushPoliciesTo(pods: readonly string[], push: PoliciesPush, timeoutMs: number): Promise<readonly PushResult[]> {
    return this.#toEach(pods, (pod, token) => pushPolicies(pod, token, push, timeoutMs))
  }

  /** Addresses in a cluster carry no credentials: those are added here, for connecting. */
  async openControl(address: ShardAddress): Promise<ShardControl> {
    // The clients of Redis and PostgreSQL are 18 MB that an operator has no need for before its first migration.
    const { openShardControl } = await import('@fractal-lba/shards/open')
    return openShardControl(withCredentials(address, await this.#credentials()))
  }

  async #toEach(
    pods: readonly string[],
    push: (pod: PodAddress, token: string) => Promise<PushResult>,
  ): Promise<readonly PushResult[]> {
    const workload = this.workload()
    const [token, tls] = await Promise.all([this.#adminToken(workload), this.#adminTls(workload)])
    return Promise.all(
      pods.map(async (name): Promise<PushResult> => {
        const reached = this.#reach(name, tls)
        if ('error' in reached) return { pod: name, kind: 'unreachable', error: reached.error }
        return push(reached, token)
      }),
    )
  }

  #configMap(workload: StatefulSet): ObjectRef {
    return { namespace: this.#namespace, name: annotation(workload, CONFIG_MAP) }
  }

  async #credentials(): Promise<ShardCredentials | undefined> {
    const name = this.workload().metadata.annotations?.[CREDENTIALS_SECRET]
    if (name === undefined || name === '') return undefined
    const { username, password } = await this.#secret(name)
    if (password === undefined) throw misconfigured(`the Secret ${name} has no key "password": it holds the shards' password`)
    return { password, ...(username !== undefined && username !== '' && { username }) }
  }

  async #adminToken(workload: StatefulSet): Promise<string> {
    const { token } = await this.#secret(annotation(workload, ADMIN_SECRET))
    if (token === undefined || token === '')
      throw misconfigured(`the Secret ${annotation(workload, ADMIN_SECRET)} has no key "token": it holds the pods' admin token`)
    return token
  }

  async #adminTls(workload: StatefulSet): Promise<AdminTls | undefined> {
    const name = workload.metadata.annotations?.[TLS_SECRET]
    if (!name) return undefined
    const data = await this.#secret(name)
    const part = (key: string): string => {
      const value = data[key]
      if (!value) throw misconfigured(`the Secret ${name} has no key "${key}": it holds the operator's certificate for the pods`)
      return value
    }
    return { ca: part('ca.crt'), cert: part('tls.crt'), key: part('tls.key'), serverName: annotation(workload, TLS_SERVER_NAME) }
  }

  async #secret(name: string): Promise<Readonly<Record<string, string>>> {
    const known = this.#secrets.get(name)
    const nowMs = this.#parts.now()
    if (known && nowMs - known.readMs < SECRET_TTL_MS) return known.data
    const secret = await this.#parts.client.get(SECRETS, { namespace: this.#namespace, name })
    if (!secret) throw misconfigured(`the Secret ${name} is missing in namespace ${this.#namespace}`)
    const entries = Object.entries(secret.data ?? {})
    const data = Object.fromEntries(entries.map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]))
    this.#secrets.set(name, { data, readMs: nowMs })
    return data
  }

  /** Those that should be there: one that is missing is a pod that was not seen. */
  #podNames({ metadata, spec }: StatefulSet): string[] {
    return Array.from({ length: spec.replicas ?? 1 }, (_, ordinal) => `${metadata.name}-${ordinal}`)
  }

  #reach(name: string, tls: AdminTls | undefined): PodAddress | { readonly error: string } {
    const pod = this.#parts.pods.get({ namespace: this.#namespace, name })
    if (!pod) return { error: 'there is no such pod' }
    if (pod.metadata.deletionTimestamp) return { error: 'it is being deleted' }
    const { phase, podIP } = pod.status ?? {}
    if (phase !== 'Running' || !podIP) return { error: `it is ${phase ?? 'not scheduled'}` }
    const ports = pod.spec?.containers?.flatMap((container) => container.ports ?? []) ?? []
    const admin = ports.find((port) => port.name === ADMIN_PORT_NAME)
    if (!admin) return { error: `it has no port named ${ADMIN_PORT_NAME}` }
    const host = podIP.includes(':') ? `[${podIP}]` : podIP
    return { name, adminURL: `${tls ? 'https' : 'http'}://${host}:${admin.containerPort}`, ...(tls && { tls }) }
  }
}

function annotation({ metadata }: StatefulSet, name: string): string {
  const value = metadata.annotations?.[name]
  if (!value) throw misconfigured(`the StatefulSet ${metadata.name} has no annotation ${name}: the chart fractal-lba sets it`)
  return value
}

const misconfigured = (message: string) => new FleetUnavailable('FleetMisconfigured', message)
