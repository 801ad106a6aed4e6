/**
 * Shard addresses. An address is a URL (`redis://[:password@]host:port[/db]`, `postgres://user:password@host:port/database`, or
 * `memory://name` for simulations); the shard's id is what is left without scheme, credentials and options, so the same server has
 * the same id in every list and an id can be printed anywhere.
 */
import type { ShardId } from './port.ts'

export type StoreKind = 'redis' | 'postgres' | 'memory'

export interface ShardAddress {
  readonly id: ShardId
  readonly kind: StoreKind
  /** Holds credentials: for connecting only, never for output. */
  readonly url: string
}

const KINDS: Record<string, StoreKind> = {
  'redis:': 'redis',
  'rediss:': 'redis',
  'postgres:': 'postgres',
  'postgresql:': 'postgres',
  'memory:': 'memory',
}

const DEFAULT_PORTS: Record<StoreKind, string> = { redis: '6379', postgres: '5432', memory: '' }

/** For shards whose addresses are kept without credentials, as they are wherever many may read them. */
export interface ShardCredentials {
  readonly username?: string
  readonly password: string
}

/** @throws Error that says what is wrong with the address, without repeating its credentials. */
export function parseShardAddress(text: string): ShardAddress {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw new Error('a shard address must be a URL such as redis://shard-0:6379 or postgres://user:password@shard-0:5432/dedup')
  }
  const kind = KINDS[url.protocol]
  if (!kind) throw new Error(`shard addresses start with redis:// or postgres://, not ${url.protocol}//`)
  if (!url.hostname) throw new Error(`the shard address with scheme ${url.protocol}// names no host`)
  const port = url.port || DEFAULT_PORTS[kind]
  const database = url.pathname.replace(/^\/+|\/+$/g, '')
  if (kind === 'redis' && database && !/^\d{1,4}$/.test(database))
    throw new Error(`redis shard ${url.hostname}: the path is a database number`)
  if (kind === 'postgres' && !database)
    throw new Error(`postgres shard ${url.hostname}: the path names the database, e.g. /dedup`)
  const id = `${url.hostname}${port ? `:${port}` : ''}${database ? `/${database}` : ''}` as ShardId
  return { id, kind, url: text }
}

/**
 * A list of shards as `DEDUP_SHARDS` and custom resources give it. @throws Error when it is empty, mixes kinds or names a
 * shard twice.
 */
export function parseShardList(texts: readonly string[]): ShardAddress[] {
  if (texts.length === 0) throw new Error('the list of shards is empty')
  const shards = texts.map((text) => parseShardAddress(text.trim()))
  const kinds = new Set(shards.map((shard) => shard.kind))
  if (kinds.size > 1) throw new Error(`all shards must be of one kind, not ${[...kinds].join(' and ')}`)
  const ids = new Set<string>()
  for (const { id } of shards) {
    if (ids.has(id)) throw new Error(`shard ${id} is listed twice`)
    ids.add(id)
  }
  return shards
}

/** The same shard, with credentials to connect with; an address that carries its own keeps them. */
export function withCredentials(address: ShardAddress, credentials: ShardCredentials | undefined): ShardAddress {
  if (!credentials || address.kind === 'memory') return address
  const url = new URL(address.url)
  if (url.username || url.password) return address
  // The setters of a URL leave a percent sign as it is, and connecting decodes it.
  url.username = encodeURIComponent(credentials.username ?? '')
  url.password = encodeURIComponent(credentials.password)
  return { ...address, url: url.href }
}
