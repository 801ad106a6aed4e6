/**
 * Starts a Redis (or Valkey) server from the PATH, else the official Valkey image where a Docker engine runs. Persistence is on
 * and strict (append-only file, synced before each answer), as a shard needs it: what was answered survives the death of the process.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, openSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endChild, freePort, type RunningServer, untilAnswers } from './running-server.ts'

const IMAGE = 'valkey/valkey:8'
const START_TIMEOUT_MS = 30_000

export interface RedisOptions {
  /** Where its data and log go; a new temporary folder by default. */
  readonly dataDir?: string
  readonly port?: number
  /** Further `redis-server` arguments, e.g. `['--replicaof', '127.0.0.1 6379']`. */
  readonly args?: readonly string[]
  /** How hard the append-only file is kept; `always` by default: what was answered survives any death. */
  readonly appendFsync?: 'always' | 'everysec'
  /** A session of its own: a terminal's Ctrl-C does not reach it, so whoever starts it decides when it ends (and must). Default false. */
  readonly ownSession?: boolean
}

/** @throws Error that says what to install when there is no way to run one. */
export async function startRedis(options: RedisOptions = {}): Promise<RunningServer> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'flk-redis-')))
  const port = options.port ?? (await freePort())
  const args = [
    '--port',
    `${port}`,
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'yes',
    '--appendfsync',
    options.appendFsync ?? 'always',
    ...(options.args ?? []),
  ]
  const command = redisCommand(dataDir, port)
  let child: ChildProcess | undefined

  async function start(): Promise<void> {
    const log = openSync(join(dataDir, 'redis.out'), 'a')
    const started = spawn(command.file, [...command.prefix, ...args, '--dir', command.dir], {
      stdio: ['ignore', log, log],
      detached: options.ownSession ?? false,
    })
    child = started
    await untilAnswers(`redis on port ${port}`, started, () => ping(port), START_TIMEOUT_MS)
  }

  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    dataDir,
    get pid() {
      return child?.exitCode === null && child.signalCode === null ? child.pid : undefined
    },
    async kill() {
      if (command.container) spawnSync('docker', ['kill', command.container], { stdio: 'ignore' })
      if (child) await endChild(child, 'SIGKILL', 5000)
    },
    restart: start,
    async stop() {
      if (child) await endChild(child, 'SIGTERM', 10_000)
    },
  }
}

function redisCommand(dataDir: string, port: number): { file: string; prefix: string[]; dir: string; container?: string } {
  for (const name of ['redis-server', 'valkey-server']) {
    const found = (process.env.PATH ?? '').split(':').find((dir) => existsSync(join(dir, name)))
    if (found) return { file: join(found, name), prefix: [], dir: dataDir }
  }
  if (spawnSync('docker', ['info'], { stdio: 'ignore' }).status === 0) {
    const container = `flk-redis-${port}`
    const run = [
      'run',
      '--rm',
      '--name',
      container,
      '--network',
      'host',
      '--user',
      `${process.getuid?.() ?? 0}`,
      '-v',
      `${dataDir}:/data`,
      IMAGE,
      'valkey-server',
    ]
    return { file: 'docker', prefix: run, dir: '/data', container }
  }
  throw new Error(
    'No Redis server: install redis-server or valkey-server (e.g. `sudo apt-get install redis-server`), or start Docker.',
  )
}

/** The inline PING command, answered with +PONG once data is loaded. */
function ping(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'))
    socket.setTimeout(1000, () => socket.destroy(new Error('no answer')))
    socket.once('data', (data) => {
      socket.destroy()
      if (data.toString().startsWith('+PONG')) resolve()
      else reject(new Error(data.toString().trim()))
    })
    socket.once('error', reject)
  })
}
