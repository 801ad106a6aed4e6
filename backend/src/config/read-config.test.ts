import { describe, expect, it } from 'vitest'
import { connectionUrl } from './connection-url.ts'
import { helpText } from './help.ts'
import { type Config, readConfig } from './read-config.ts'
import { NOT_SUPPORTED_YET, VARIABLES } from './variables.ts'

const MACHINE = { hostname: 'pod-7', cpus: 2 }
type Env = Record<string, string>

function accepted(env: Env): Config {
  const result = readConfig(env, MACHINE)
  if (!result.ok) throw new Error(result.problems.join('; '))
  return result.config
}

function problems(env: Env): readonly string[] {
  const result = readConfig(env, MACHINE)
  return result.ok ? [] : result.problems
}

const KEY32 = Buffer.alloc(32, 7).toString('base64')

describe('the configuration', () => {
  it('has the documented defaults where nothing is set', () => {
    expect(accepted({})).toMatchObject({
      port: 8080,
      host: '0.0.0.0',
      pod: 'pod-7',
      walDir: 'data/wal',
      store: { kind: 'memory' },
      tokenRate: 100,
      tenants: [{ id: 'default', keys: [{ algorithm: 'none' }] }],
      metricsAuth: undefined,
      admin: undefined,
      examineThreads: 0,
    })
  })

  const GOOD: readonly (readonly [why: string, env: Env, expected: object])[] = [
    ['an empty value is as good as none', { PORT: '', DEDUP_SHARDS: '' }, { port: 8080, store: { kind: 'memory' } }],
    ['port 0 takes a free one', { PORT: '0' }, { port: 0 }],
    ['the rate may be a fraction, and 0 sets no limit', { TOKEN_RATE: '0.5' }, { tokenRate: 0.5 }],
    [
      'one Redis is a fleet of one shard',
      { DEDUP_BACKEND: 'redis' },
      { store: { kind: 'sharded', shards: ['redis://localhost:6379'] } },
    ],
    [
      'one Redis by host and port',
      { DEDUP_BACKEND: 'redis', REDIS_ADDR: 'cache:7000' },
      { store: { shards: ['redis://cache:7000'] } },
    ],
    [
      'one Postgres by URL',
      { DEDUP_BACKEND: 'postgres', POSTGRES_CONN: 'postgres://u:p@db/dedup' },
      { store: { shards: ['postgres://u:p@db/dedup'] } },
    ],
    [
      'one Postgres by key=value pairs',
      { DEDUP_BACKEND: 'postgres', POSTGRES_CONN: "host=db port=6000 user=u password='p w' dbname=dedup sslmode=disable" },
      { store: { shards: ['postgres://u:p%20w@db:6000/dedup?sslmode=disable'] } },
    ],
    [
      'DEDUP_SHARDS wins over the single server, and says of which kind the shards are',
      { DEDUP_SHARDS: 'redis://a:1,redis://b:2', DEDUP_VNODES: '10', REDIS_ADDR: 'elsewhere:1' },
      { store: { kind: 'sharded', shards: ['redis://a:1', 'redis://b:2'], vnodes: 10 } },
    ],
    [
      'HMAC by PCS_HMAC_KEY',
      { PCS_SIGN_ALG: 'hmac', PCS_HMAC_KEY: 's:e,c' },
      { tenants: [{ id: 'default', keys: [{ algorithm: 'hmac', secret: 's:e,c' }] }] },
    ],
    ['tenants of their own', { MULTI_TENANT: 'true', TENANTS: 'a:hmac:k:1, b:none:' }, { tenants: [{ id: 'a' }, { id: 'b' }] }],
    [
      'tenants beside the default one',
      { MULTI_TENANT: 'true', TENANTS: 'a:hmac:k', PCS_SIGN_ALG: 'hmac', PCS_HMAC_KEY: 'd' },
      { tenants: [{ id: 'a' }, { id: 'default' }] },
    ],
    ['the admin port by its token', { FLK_ADMIN_TOKEN: 'long-enough' }, { admin: { port: 8081, token: 'long-enough' } }],
    [
      'the admin port with TLS',
      { FLK_ADMIN_TOKEN: 'long-enough', FLK_ADMIN_TLS_CERT_FILE: '/c', FLK_ADMIN_TLS_KEY_FILE: '/k' },
      { admin: { tls: { certFile: '/c', keyFile: '/k', clientCaFile: undefined } } },
    ],
    ['credentials for the shards', { FLK_SHARD_PASSWORD: 'p' }, { shardCredentials: { password: 'p' } }],
    [
      'a user for the shards, too',
      { FLK_SHARD_USERNAME: 'u', FLK_SHARD_PASSWORD: 'p' },
      { shardCredentials: { username: 'u', password: 'p' } },
    ],
    ['a version', { FLK_VERSION: 'v1.2.3+sha.abc' }, { version: 'v1.2.3+sha.abc' }],
    ['metrics by user and password', { METRICS_USER: 'u', METRICS_PASS: 'p' }, { metricsAuth: { user: 'u', password: 'p' } }],
    ['both CPUs where Ed25519 is verified', { PCS_SIGN_ALG: 'ed25519', PCS_ED25519_PUB_B64: KEY32 }, { examineThreads: 1 }],
    [
      'what other software and Kubernetes set is not ours',
      {
        REDIS_PORT: 'tcp://10.0.0.1:6379',
        POSTGRES_PASSWORD: 'x',
        FLK_BACKEND_SERVICE_HOST: '10.0.0.2',
        FLK_BACKEND_SERVICE_PORT_HTTP: '8080',
        FLK_BACKEND_PORT: 'tcp://10.0.0.2:8080',
        FLK_BACKEND_PORT_8080_TCP_ADDR: '10.0.0.2',
        PATH: '/bin',
      },
      { port: 8080 },
    ],
  ]
  it.each(GOOD)('is accepted: %s', (_why, env, expected) => {
    expect(accepted(env)).toMatchObject(expected)
  })

  const BAD: readonly (readonly [env: Env, names: string, says: RegExp])[] = [
    [{ PORT: 'eighty' }, 'PORT', /0 to 65535, not "eighty"/],
    [{ PORT: '70000' }, 'PORT', /0 to 65535/],
    [{ PORT: '80.5' }, 'PORT', /whole number/],
    [{ TOKEN_RATE: '-1' }, 'TOKEN_RATE', /number from 0/],
    [{ DEDUP_BACKEND: 'etcd' }, 'DEDUP_BACKEND', /memory, redis, postgres/],
    [{ DEDUP_BACKEND: 'postgres' }, 'POSTGRES_CONN', /must be set/],
    [{ DEDUP_BACKEND: 'postgres', POSTGRES_CONN: 'db' }, 'POSTGRES_CONN', /neither a postgres/],
    [{ DEDUP_SHARDS: 'redis://a,postgres://b/c' }, 'DEDUP_SHARDS', /one kind/],
    [{ DEDUP_SHARDS: 'redis://a,redis://a' }, 'DEDUP_SHARDS', /twice/],
    [{ DEDUP_SHARDS: 'memory://a' }, 'DEDUP_SHARDS', /redis:\/\/ or postgres/],
    [{ DEDUP_BACKEND: 'memory', DEDUP_SHARDS: 'redis://a' }, 'DEDUP_SHARDS', /no shards/],
    [{ DEDUP_BACKEND: 'redis', DEDUP_SHARDS: 'postgres://a/b' }, 'DEDUP_SHARDS', /of kind postgres/],
    [{ FLK_REPLICAS: '2' }, 'DEDUP_BACKEND', /one pod only/],
    [{ DEDUP_SHARDS: 'redis://a', DEDUP_VNODES: '0' }, 'DEDUP_VNODES', /from 1/],
    [{ PCS_SIGN_ALG: 'hmac' }, 'PCS_HMAC_KEY', /must be set/],
    [{ PCS_HMAC_KEY: 'k' }, 'PCS_HMAC_KEY', /would not be used/],
    [{ PCS_SIGN_ALG: 'ed25519', PCS_ED25519_PUB_B64: 'AAAA' }, 'PCS_ED25519_PUB_B64', /32 bytes/],
    [{ PCS_SIGN_ALG: 'ed25519', PCS_ED25519_PUB_B64: '!!' }, 'PCS_ED25519_PUB_B64', /base64/],
    [{ MULTI_TENANT: 'true' }, 'TENANTS', /must be set/],
    [{ MULTI_TENANT: 'yes' }, 'MULTI_TENANT', /true, false/],
    [{ TENANTS: 'a:hmac:k' }, 'TENANTS', /MULTI_TENANT is not true/],
    [{ METRICS_PASS: 'p' }, 'METRICS_USER', /must be set/],
    [{ METRICS_USER: 'u' }, 'METRICS_PASS', /must be set/],
    [{ FLK_ADMIN_PORT: '1' }, 'FLK_ADMIN_TOKEN', /must be set/],
    [{ FLK_ADMIN_TOKEN: 'short' }, 'FLK_ADMIN_TOKEN', /8 characters/],
    [{ FLK_SHARD_USERNAME: 'u' }, 'FLK_SHARD_PASSWORD', /must be set/],
    [{ FLK_ADMIN_TLS_KEY_FILE: '/k' }, 'FLK_ADMIN_TOKEN', /must be set where FLK_ADMIN_TLS_KEY_FILE is/],
    [{ FLK_ADMIN_TOKEN: 'long-enough', FLK_ADMIN_TLS_KEY_FILE: '/k' }, 'FLK_ADMIN_TLS_CERT_FILE', /must be set/],
    [{ FLK_ADMIN_TOKEN: 'long-enough', FLK_ADMIN_TLS_CLIENT_CA_FILE: '/a' }, 'FLK_ADMIN_TLS_KEY_FILE', /must be set/],
    [{ FLK_VERSION: '1 2' }, 'FLK_VERSION', /letters/],
    [{ FLK_POD_NAME: 'a b' }, 'FLK_POD_NAME', /letters/],
    [{ DEDUP_SHARD: 'redis://a' }, 'DEDUP_SHARD', /did you mean DEDUP_SHARDS\?/],
    [{ TOKEN_RATES: '1' }, 'TOKEN_RATES', /did you mean TOKEN_RATE\?/],
    [{ FLK_FOO_BAR_BAZ: '1' }, 'FLK_FOO_BAR_BAZ', /--help/],
    ...NOT_SUPPORTED_YET.map((name) => [{ [name]: '1' }, name, /not supported yet/] as const),
  ]
  it.each(BAD)('is refused, naming the variable: %o', (env, name, says) => {
    const found = problems(env)
    expect(found.map((problem) => problem.split(/[: ]/)[0])).toContain(name)
    expect(found.find((problem) => problem.startsWith(name))).toMatch(says)
  })

  it('reports all problems at once', () => {
    expect(problems({ PORT: 'x', TOKEN_RATE: 'y', TIER_HOT_TTL: '1' })).toHaveLength(3)
  })

  it('never repeats a secret', () => {
    const secret = 'hunter2-hunter2'
    const found = [
      ...problems({ MULTI_TENANT: 'true', TENANTS: `a:rot13:${secret},b:ed25519:${secret}` }),
      ...problems({ DEDUP_SHARDS: `redis://:${secret}@a,redis://:${secret}@a` }),
      ...problems({ DEDUP_BACKEND: 'postgres', POSTGRES_CONN: `password=${secret} user` }),
      ...problems({ PCS_SIGN_ALG: 'none', PCS_HMAC_KEY: secret, METRICS_PASS: secret }),
    ]
    expect(found.length).toBeGreaterThan(4)
    expect(found.join('\n')).not.toContain(secret)
  })

  it('is listed as a whole by --help', () => {
    const help = helpText()
    for (const name of [...VARIABLES.map((variable) => variable.name), ...NOT_SUPPORTED_YET]) expect(help).toContain(name)
  })
})

describe('a Postgres connection string', () => {
  it('is taken as a URL, or as pairs', () => {
    expect(connectionUrl('postgresql://a/b')).toBe('postgresql://a/b')
    expect(connectionUrl("host=h dbname='d b'")).toBe('postgres://h/d%20b')
    expect(() => connectionUrl('host=h')).toThrow(/dbname/)
  })
})
