/** The tools of others that are measured beside ours, and where they are on this machine. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { BenchStopped } from '../stopped.ts'

export interface Tools {
  /** Programs of one PostgreSQL: its dump tools and the server of their version, since pg_dump refuses a server newer than itself. */
  readonly postgresBin: string
  readonly postgresVersion: string
  readonly redisVersion: string
}

interface Search {
  /** Folders in the order in which they are searched. */
  readonly path: readonly string[]
  readonly exists: (file: string) => boolean
  /** What `file --version` says. */
  readonly versionOf: (file: string) => string
}

const POSTGRES_PROGRAMS = ['pg_dump', 'psql', 'pg_restore', 'initdb', 'postgres']
/** Debian keeps the server out of the PATH, in a folder for each version. */
const DEBIAN_BIN = (major: string) => `/usr/lib/postgresql/${major}/bin`

const HERE: Search = {
  path: (process.env.PATH ?? '').split(':'),
  exists: existsSync,
  versionOf: (file) => spawnSync(file, ['--version'], { encoding: 'utf8' }).stdout ?? '',
}

/** @throws BenchStopped that says what to install, before anything was started. */
export function findTools(search: Search = HERE): Tools {
  const onPath = (name: string) => search.path.map((dir) => join(dir, name)).find(search.exists)
  const versionAt = (file: string | undefined) => file && search.versionOf(file).match(/(\d+)\.\d+(\.\d+)?/)
  const missing: string[] = []

  const redisCli = onPath('redis-cli')
  if (!redisCli) missing.push('redis-cli (e.g. `sudo apt-get install redis-tools`)')

  const pgDump = onPath('pg_dump')
  const version = versionAt(pgDump)
  const places = version ? [DEBIAN_BIN(version[1] as string), ...search.path] : []
  const postgresBin = places.find((dir) => POSTGRES_PROGRAMS.every((name) => search.exists(join(dir, name))))
  if (!version) missing.push('pg_dump (e.g. `sudo apt-get install postgresql`)')
  else if (!postgresBin) missing.push(`the server of pg_dump's version (e.g. \`sudo apt-get install postgresql-${version[1]}\`)`)

  if (!postgresBin || !version || !redisCli)
    throw new BenchStopped(
      'tool-missing',
      `The section migration measures against tools that are not here: ${missing.join('; ')}.`,
    )
  return { postgresBin, postgresVersion: version[0], redisVersion: versionAt(redisCli)?.[0] ?? 'of unknown version' }
}
