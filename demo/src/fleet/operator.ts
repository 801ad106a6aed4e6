/**
 * The operator in local mode: a process that watches a folder. This side writes what a user would write (the fleet's file, later the
 * migration), reads the status that the operator writes beside it, and can kill it and start a successor.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import type { Nursery, Running } from '../processes/nursery.ts'
import type { Events } from '../view/events.ts'
import type { WatchedPod } from './pod-watch.ts'

const OPERATOR_MAIN = fileURLToPath(new URL('../../../operator/src/main.ts', import.meta.url))
/** It gives its lease back and leaves the migration where it stands. */
const STOP_PATIENCE_MS = 10_000

/** The operator's folder before anyone runs in it. */
export async function prepareOperatorFolder(dir: string, pods: readonly WatchedPod[], adminToken: string): Promise<void> {
  await mkdir(dir, { recursive: true })
  await writeFile(join(dir, 'admin.token'), adminToken, { mode: 0o600 })
  const fleet = {
    apiVersion: 'fractal.lba.io/v1',
    kind: 'Fleet',
    metadata: { name: 'demo' },
    spec: {
      pods: pods.map(({ name, adminUrl }) => ({ name, adminURL: adminUrl })),
      adminToken: { file: 'admin.token' },
      configFile: FLEET_CONFIG_FILE,
    },
  }
  await writeFile(join(dir, 'fleet.yaml'), stringify(fleet))
}

/** What pods read when they start; the operator writes it. */
export const FLEET_CONFIG_FILE = 'fleet-config.json'

export class Operator {
  readonly dir: string
  readonly #nursery: Nursery
  readonly #events: Events
  #process: Running
  #expectedToEnd = false

  constructor(dir: string, nursery: Nursery, events: Events) {
    this.dir = dir
    this.#nursery = nursery
    this.#events = events
    this.#process = this.#start()
  }

  get process(): Running {
    return this.#process
  }

  /** SIGKILL, and a new operator process in the same folder. */
  async killAndSucceed(): Promise<void> {
    this.#expectedToEnd = true
    await this.#process.kill()
    this.#process = this.#start()
  }

  async stop(): Promise<void> {
    this.#expectedToEnd = true
    if (this.#process.alive) await this.#process.stop(STOP_PATIENCE_MS)
  }

  /** The text of a migration's status file; undefined before there is one. */
  async readStatusText(migration: string): Promise<string | undefined> {
    return readFile(join(this.dir, `${migration}.status.yaml`), 'utf8').catch(() => undefined)
  }

  #start(): Running {
    this.#expectedToEnd = false
    const child = this.#nursery.start({ name: 'operator', file: OPERATOR_MAIN, args: ['--local', this.dir] })
    child.ended.then(({ code, signal }) => {
      if (!this.#expectedToEnd && child === this.#process)
        this.#events.bad(`the operator ended by itself (${signal ?? `code ${code}`}); its log: ${child.logFile}`)
    })
    return child
  }
}
