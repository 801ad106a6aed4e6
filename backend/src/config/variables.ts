/**
 * Every environment variable that a verifier knows, once: what reads them, refuses them and prints `--help` all go by this table.
 * A name with one of our prefixes that is not here is a mistake and stops the start; a name that is here but does nothing yet
 * does too, since a setting that is silently ignored is a promise broken.
 */

export interface Variable {
  readonly name: string
  /** What holds when it is not set, for people. */
  readonly byDefault: string
  readonly what: string
  /** Its value is never printed. */
  readonly secret?: true
}

export const CORE: readonly Variable[] = [
  { name: 'PORT', byDefault: '8080', what: 'HTTP port; 0 takes a free one' },
  { name: 'DEDUP_BACKEND', byDefault: 'memory', what: 'dedup store: memory, redis or postgres' },
  { name: 'REDIS_ADDR', byDefault: 'localhost:6379', what: 'the one Redis shard, host:port or redis:// URL', secret: true },
  { name: 'POSTGRES_CONN', byDefault: '-', what: 'the one Postgres shard, postgres:// URL or key=value pairs', secret: true },
  { name: 'TOKEN_RATE', byDefault: '100', what: 'submissions a second for each tenant; 0 sets no limit' },
  { name: 'PCS_SIGN_ALG', byDefault: 'none', what: 'signature of the tenant "default": none, hmac or ed25519' },
  { name: 'PCS_HMAC_KEY', byDefault: '-', what: 'its key, where PCS_SIGN_ALG is hmac', secret: true },
  { name: 'PCS_ED25519_PUB_B64', byDefault: '-', what: 'its public key in base64 (32 bytes or SPKI), where it is ed25519' },
  { name: 'METRICS_USER', byDefault: '-', what: 'user of Basic auth on /metrics; without it /metrics is open' },
  { name: 'METRICS_PASS', byDefault: '-', what: 'password of Basic auth on /metrics', secret: true },
  { name: 'WAL_DIR', byDefault: 'data/wal', what: 'folder of the write-ahead log; one a pod' },
]

export const MULTI_TENANT: readonly Variable[] = [
  { name: 'MULTI_TENANT', byDefault: 'false', what: 'tenants come from TENANTS and are told apart by X-Tenant-Id' },
  {
    name: 'TENANTS',
    byDefault: '-',
    what: 'tenant:alg:key, comma-separated; a tenant listed twice has two valid keys (rotation)',
    secret: true,
  },
]

export const SHARDING: readonly Variable[] = [
  { name: 'DEDUP_SHARDS', byDefault: '-', what: 'shard addresses (redis://… or postgres://…), comma-separated', secret: true },
  {
    name: 'FLK_SHARD_USERNAME',
    byDefault: '-',
    what: 'user for shards whose address carries no credentials; only with FLK_SHARD_PASSWORD',
    secret: true,
  },
  {
    name: 'FLK_SHARD_PASSWORD',
    byDefault: '-',
    what: 'password for shards whose address carries no credentials, so that addresses can be kept where many read them',
    secret: true,
  },
  { name: 'DEDUP_VNODES', byDefault: '150', what: 'virtual nodes a shard in the first placement of slots' },
]

export const OWN: readonly Variable[] = [
  { name: 'FLK_HOST', byDefault: '0.0.0.0', what: 'address that both ports listen on' },
  {
    name: 'FLK_POD_NAME',
    byDefault: 'host name',
    what: 'name of this pod; part of the origin of each decision, so keep it with WAL_DIR',
  },
  { name: 'FLK_REPLICAS', byDefault: '1', what: 'pods in this fleet; the memory store is refused with more than one' },
  {
    name: 'FLK_ADMIN_PORT',
    byDefault: '8081',
    what: 'port of the admin API, served only where FLK_ADMIN_TOKEN is set; 0 takes a free one',
  },
  { name: 'FLK_ADMIN_TOKEN', byDefault: '-', what: 'bearer token of the admin API, at least 8 characters', secret: true },
  {
    name: 'FLK_FLEET_CONFIG',
    byDefault: '-',
    what: 'JSON file of the desired fleet config; where it exists it wins over DEDUP_SHARDS',
  },
  {
    name: 'FLK_POLICIES',
    byDefault: '-',
    what: 'JSON file of the desired policies, for a pod that was given none of a higher epoch; what it is given it keeps in WAL_DIR',
  },
  {
    name: 'FLK_ADMIN_TLS_CERT_FILE',
    byDefault: '-',
    what: 'certificate chain (PEM) of the admin port, which then speaks HTTPS only; taken anew when it changes',
  },
  { name: 'FLK_ADMIN_TLS_KEY_FILE', byDefault: '-', what: 'its private key (PEM)' },
  {
    name: 'FLK_ADMIN_TLS_CLIENT_CA_FILE',
    byDefault: '-',
    what: 'CA certificates (PEM): the admin port then takes only clients with a certificate of one of them, and the token is still needed',
  },
  { name: 'FLK_VERSION', byDefault: 'that of the package', what: 'version of this build, as it reports it' },
  {
    name: 'FLK_EXAMINE_THREADS',
    byDefault: 'by CPU and algorithm',
    what: 'threads that parse and verify; 0 does it on the main thread',
  },
  { name: 'FLK_STORE_DEADLINE_MS', byDefault: '2000', what: 'how long a submission may wait for its decision before 503' },
  {
    name: 'FLK_CONNECTION_AGE_MS',
    byDefault: '60000',
    what: 'how long a client keeps a connection, 30 % more or less; a Service gives a new pod its share of those that are opened',
  },
  { name: 'FLK_DRAIN_TIMEOUT_MS', byDefault: '20000', what: 'how long a drain may take before the process ends anyway' },
  { name: 'FLK_LOG_LEVEL', byDefault: 'info', what: 'trace, debug, info, warn, error or silent' },
]

/** Promised for later; set today they would do nothing, so they are refused. */
export const NOT_SUPPORTED_YET: readonly string[] = [
  'AUDIT_WORM_DIR',
  'POLICY_VERSION',
  'PII_SCAN_MODE',
  'TIER_HOT_TTL',
  'TIER_WARM_TTL',
  'TIER_COLD_TTL',
  'TIER_COLD_BUCKET',
  'REGION_ID',
  'WAL_REPLICATION_ENABLED',
  'WAL_REMOTE_BUCKET',
]

export const SECTIONS: readonly { readonly title: string; readonly variables: readonly Variable[] }[] = [
  { title: 'Core', variables: CORE },
  { title: 'Multi-tenant', variables: MULTI_TENANT },
  { title: 'Sharding', variables: SHARDING },
  { title: 'This verifier', variables: OWN },
]

export const VARIABLES: readonly Variable[] = SECTIONS.flatMap((section) => section.variables)

/** Names that start so are ours. REDIS_ and POSTGRES_ are not among them: other software and Kubernetes set such. */
const OUR_PREFIXES = ['DEDUP_', 'TIER_', 'PCS_', 'WAL_', 'TENANT', 'TOKEN_', 'METRICS_', 'AUDIT_', 'PII_', 'POLICY_', 'FLK_']

/** What Kubernetes sets in each container for a Service, which may well be called `flk-…`. */
const SERVICE_LINK = /_SERVICE_HOST$|_SERVICE_PORT(_[A-Z0-9_]+)?$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/
const SERVICE_URL = /^(tcp|udp|sctp):\/\//

/** Whether an unknown variable of this name and value can only be a mistake of whoever configures this verifier. */
export function isOurs(name: string, value: string): boolean {
  if (SERVICE_LINK.test(name) || (name.endsWith('_PORT') && SERVICE_URL.test(value))) return false
  return OUR_PREFIXES.some((prefix) => name.startsWith(prefix))
}
