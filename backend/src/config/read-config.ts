/**
 * The environment, parsed once into what the rest of the verifier works with. All problems are found before any is reported, each
 * names its variable, and none shows a secret.
 */

import type { ShardCredentials } from '@fractal-lba/shards/address'
import { parseTenants } from '../tenants/parse-tenants.ts'
import { DEFAULT_TENANT } from '../tenants/tenants.ts'
import { parseTenantKey, type SigningAlgorithm, type TenantKeys } from '../verify/tenant-keys.ts'
import { ValueReader } from './read-values.ts'
import { readStoreConfig, type StoreConfig } from './store-config.ts'
import { nearestName } from './suggest.ts'
import { isOurs, NOT_SUPPORTED_YET, VARIABLES } from './variables.ts'

export interface Config {
  readonly host: string
  readonly port: number
  readonly pod: string
  readonly walDir: string
  readonly store: StoreConfig
  /** Path of the desired fleet config, where one is used. */
  readonly fleetConfigPath: string | undefined
  readonly tenants: readonly TenantKeys[]
  /** Submissions a second for each tenant; 0 sets no limit. */
  readonly tokenRate: number
  readonly metricsAuth: { readonly user: string; readonly password: string } | undefined
  /** Path of the desired policies, where one is used. */
  readonly policiesPath: string | undefined
  /** For shards whose address carries none. */
  readonly shardCredentials: ShardCredentials | undefined
  /** Undefined: no admin API. */
  readonly admin: { readonly port: number; readonly token: string; readonly tls: AdminTls | undefined } | undefined
  /** Undefined: that of the package. */
  readonly version: string | undefined
  readonly examineThreads: number
  readonly storeDeadlineMs: number
  readonly connectionAgeMs: number
  readonly drainTimeoutMs: number
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

/** Paths of PEM files. */
export interface AdminTls {
  readonly certFile: string
  readonly keyFile: string
  readonly clientCaFile: string | undefined
}

export interface Machine {
  readonly hostname: string
  readonly cpus: number
}

const POD_NAME = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/
const VERSION = /^[A-Za-z0-9][A-Za-z0-9._+:@/-]{0,127}$/
const MIN_TOKEN_LENGTH = 8
const MAX_EXAMINE_THREADS = 16

export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly string[] }

export function readConfig(env: Readonly<Record<string, string | undefined>>, machine: Machine): ConfigResult {
  const read = new ValueReader(env)
  refuseUnknownNames(env, read)
  const tenants = readTenants(read)
  const config: Config = {
    host: read.text('FLK_HOST') ?? '0.0.0.0',
    port: read.integer('PORT', 0, 65_535, 8080),
    pod: readPodName(read, machine.hostname),
    walDir: read.text('WAL_DIR') ?? 'data/wal',
    store: readStoreConfig(read),
    fleetConfigPath: read.text('FLK_FLEET_CONFIG'),
    policiesPath: read.text('FLK_POLICIES'),
    shardCredentials: readShardCredentials(read),
    version: readVersion(read),
    tenants,
    tokenRate: read.number('TOKEN_RATE', 0, 10_000_000, 100),
    metricsAuth: readMetricsAuth(read),
    admin: readAdmin(read),
    examineThreads: read.integer('FLK_EXAMINE_THREADS', 0, MAX_EXAMINE_THREADS, defaultThreads(machine.cpus, tenants)),
    storeDeadlineMs: read.integer('FLK_STORE_DEADLINE_MS', 50, 60_000, 2_000),
    connectionAgeMs: read.integer('FLK_CONNECTION_AGE_MS', 1_000, 86_400_000, 60_000),
    drainTimeoutMs: read.integer('FLK_DRAIN_TIMEOUT_MS', 100, 600_000, 20_000),
    logLevel: read.oneOf('FLK_LOG_LEVEL', ['trace', 'debug', 'info', 'warn', 'error', 'silent'], 'info'),
  }
  return read.problems.length === 0 ? { ok: true, config } : { ok: false, problems: read.problems }
}

function refuseUnknownNames(env: Readonly<Record<string, string | undefined>>, read: ValueReader): void {
  const known = VARIABLES.map((variable) => variable.name)
  for (const name of Object.keys(env)) {
    if (known.includes(name)) continue
    if (NOT_SUPPORTED_YET.includes(name)) {
      read.problems.push(`${name} is not supported yet: unset it`)
    } else if (isOurs(name, env[name] ?? '')) {
      const meant = nearestName(name, [...known, ...NOT_SUPPORTED_YET])
      read.problems.push(
        `${name} is not a variable of this verifier${meant ? `: did you mean ${meant}?` : '; --help lists them'}`,
      )
    }
  }
}

/** The tenant `default` by PCS_*; in multi-tenant mode those of TENANTS, and `default` too where PCS_SIGN_ALG is set. */
function readTenants(read: ValueReader): TenantKeys[] {
  const multiTenant = read.oneOf('MULTI_TENANT', ['true', 'false'], 'false') === 'true'
  const listed = read.parsed('TENANTS', parseTenants)
  if (multiTenant && read.text('TENANTS') === undefined) read.refuse('TENANTS', 'must be set where MULTI_TENANT is true')
  if (!multiTenant && listed) read.problems.push('TENANTS is set, but MULTI_TENANT is not true: its keys would not be used')
  const single = readDefaultTenant(read)
  if (!multiTenant) return [single]
  const withDefault = read.text('PCS_SIGN_ALG') !== undefined
  if (withDefault && listed?.some((tenant) => tenant.id === DEFAULT_TENANT)) {
    read.problems.push(`TENANTS lists the tenant ${DEFAULT_TENANT}, and PCS_SIGN_ALG configures it too: keep one`)
  }
  return [...(listed ?? []), ...(withDefault ? [single] : [])]
}

function readDefaultTenant(read: ValueReader): TenantKeys {
  const algorithm = read.oneOf<SigningAlgorithm>('PCS_SIGN_ALG', ['none', 'hmac', 'ed25519'], 'none')
  const nameOf: Record<SigningAlgorithm, string | undefined> = {
    none: undefined,
    hmac: 'PCS_HMAC_KEY',
    ed25519: 'PCS_ED25519_PUB_B64',
  }
  for (const other of ['PCS_HMAC_KEY', 'PCS_ED25519_PUB_B64']) {
    if (other !== nameOf[algorithm] && read.text(other) !== undefined) {
      read.problems.push(`${other} is set, but PCS_SIGN_ALG is ${algorithm}: the key would not be used`)
    }
  }
  const name = nameOf[algorithm]
  if (name === undefined) return { id: DEFAULT_TENANT, keys: [{ algorithm: 'none' }] }
  if (read.text(name) === undefined) read.refuse(name, `must be set where PCS_SIGN_ALG is ${algorithm}`)
  const key = read.parsed(name, (value) => parseTenantKey(algorithm, value))
  return { id: DEFAULT_TENANT, keys: key ? [key] : [] }
}

function readPodName(read: ValueReader, hostname: string): string {
  const given = read.text('FLK_POD_NAME')
  if (given !== undefined && !POD_NAME.test(given))
    read.refuse('FLK_POD_NAME', 'must be at most 128 letters, digits, ".", "_", ":" or "-"')
  return given ?? hostname
}

function readVersion(read: ValueReader): string | undefined {
  const given = read.text('FLK_VERSION')
  if (given !== undefined && !VERSION.test(given))
    read.refuse('FLK_VERSION', 'must be at most 128 letters, digits, ".", "_", "+", ":", "@", "/" or "-"')
  return given
}

function readShardCredentials(read: ValueReader): ShardCredentials | undefined {
  const username = read.text('FLK_SHARD_USERNAME')
  const password = read.text('FLK_SHARD_PASSWORD')
  if (password !== undefined) return { password, ...(username !== undefined && { username }) }
  if (username !== undefined) read.refuse('FLK_SHARD_PASSWORD', 'must be set where FLK_SHARD_USERNAME is')
  return undefined
}

function readMetricsAuth(read: ValueReader): Config['metricsAuth'] {
  const user = read.text('METRICS_USER')
  const password = read.text('METRICS_PASS')
  if (user !== undefined && password !== undefined) return { user, password }
  if (user !== undefined) read.refuse('METRICS_PASS', 'must be set where METRICS_USER is')
  if (password !== undefined) read.refuse('METRICS_USER', 'must be set where METRICS_PASS is')
  return undefined
}

function readAdmin(read: ValueReader): Config['admin'] {
  const port = read.integer('FLK_ADMIN_PORT', 0, 65_535, 8081)
  const token = read.text('FLK_ADMIN_TOKEN')
  if (token === undefined) {
    if (read.text('FLK_ADMIN_PORT') !== undefined) read.refuse('FLK_ADMIN_TOKEN', 'must be set where FLK_ADMIN_PORT is')
    for (const name of ADMIN_TLS)
      if (read.text(name) !== undefined) read.refuse('FLK_ADMIN_TOKEN', `must be set where ${name} is`)
    return undefined
  }
  if (token.length < MIN_TOKEN_LENGTH) read.refuse('FLK_ADMIN_TOKEN', `must have at least ${MIN_TOKEN_LENGTH} characters`)
  return { port, token, tls: readAdminTls(read) }
}

const ADMIN_TLS = ['FLK_ADMIN_TLS_CERT_FILE', 'FLK_ADMIN_TLS_KEY_FILE', 'FLK_ADMIN_TLS_CLIENT_CA_FILE'] as const

function readAdminTls(read: ValueReader): AdminTls | undefined {
  const [certFile, keyFile, clientCaFile] = ADMIN_TLS.map((name) => read.text(name))
  if (certFile !== undefined && keyFile !== undefined) return { certFile, keyFile, clientCaFile }
  const given = ADMIN_TLS.find((name) => read.text(name) !== undefined)
  if (given === undefined) return undefined
  if (certFile === undefined) read.refuse('FLK_ADMIN_TLS_CERT_FILE', `must be set where ${given} is`)
  if (keyFile === undefined) read.refuse('FLK_ADMIN_TLS_KEY_FILE', `must be set where ${given} is`)
  return undefined
}

/**
 * Ed25519 costs fifty microseconds a summary: then every other CPU helps. HMAC costs less than handing a summary to another thread and
 * back, and what it costs is spent while the disk works.
 */
function defaultThreads(cpus: number, tenants: readonly TenantKeys[]): number {
  const dear = tenants.some((tenant) => tenant.keys.some((key) => key.algorithm === 'ed25519'))
  return dear ? Math.min(Math.max(1, cpus - 1), MAX_EXAMINE_THREADS) : 0
}
