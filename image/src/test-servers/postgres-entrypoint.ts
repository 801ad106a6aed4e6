/**
 * First process of the PostgreSQL image for trying out: makes the database at its first start, then runs the server and hands its
 * signals on. It reads what the official image reads (POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB, PGDATA), so either can be used.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

const BIN = '/opt/postgres/bin'
const {
  POSTGRES_USER: user = 'postgres',
  POSTGRES_PASSWORD: password,
  PGDATA: dataDir = '/var/lib/postgresql/data',
} = process.env
const database = process.env.POSTGRES_DB ?? user

try {
  if (!existsSync(`${dataDir}/PG_VERSION`)) initialise()
} catch (error) {
  fail((error as Error).message)
}

const server = spawn(`${BIN}/postgres`, ['-D', dataDir, ...process.argv.slice(2)], { stdio: 'inherit' })
// To PostgreSQL SIGTERM means waiting for its clients, and shards have clients at all times; SIGINT ends sessions and is safe.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => server.kill('SIGINT'))
server.on('error', (error) => fail(`cannot run ${BIN}/postgres: ${error.message}`))
server.on('exit', (code) => process.exit(code ?? 1))

/** In a folder beside the data's, renamed when complete: a start that is killed half way is made again by the next. */
function initialise(): void {
  if (!password) throw new Error('POSTGRES_PASSWORD is not set: give it, the server listens on all addresses')
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(database)) throw new Error('POSTGRES_DB: use lower-case letters, digits and _')
  const building = `${dataDir}.building`
  const passwordFile = `${dataDir}.password`
  rmSync(building, { recursive: true, force: true })
  mkdirSync(dirname(dataDir), { recursive: true })
  writeFileSync(passwordFile, password, { mode: 0o600 })
  run('initdb', [
    '-D',
    building,
    `--username=${user}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--locale=C',
    '--encoding=UTF8',
  ])
  rmSync(passwordFile)
  const everyone = ['local all all scram-sha-256', 'host all all all scram-sha-256', '']
  writeFileSync(`${building}/pg_hba.conf`, everyone.join('\n'))
  const settings = ["listen_addresses = '*'", "unix_socket_directories = ''", 'max_connections = 200', '']
  writeFileSync(`${building}/postgresql.auto.conf`, settings.join('\n'))
  if (database !== 'postgres') run('postgres', ['--single', '-D', building, 'postgres'], `CREATE DATABASE ${database};\n`)
  rmSync(dataDir, { recursive: true, force: true })
  renameSync(building, dataDir)
}

function run(program: string, args: readonly string[], input?: string): void {
  const done = spawnSync(`${BIN}/${program}`, args, { encoding: 'utf8', ...(input !== undefined && { input }) })
  if (done.status !== 0) throw new Error(`${program} failed: ${(done.stderr || String(done.error)).trim()}`)
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}
