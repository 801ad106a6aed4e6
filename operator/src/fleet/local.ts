/**
 * A fleet of pods that are processes on this machine, listed in a file. The desired config is written to a file that pods read when
 * they start, then pushed, so that neither a restart nor a lost push leaves a pod with an old one.
 */
import { readFile } from 'node:fs/promises'
import type { ConfigPush } from '@fractal-lba/protocol/config/fleet-config'
import { replaceFile } from '../local/atomic-file.ts'
import type { FleetFile } from './fleet-file.ts'
import { pushConfig, readReport } from './pod-client.ts'
import type { Fleet, PodReading, PushResult } from './port.ts'

export class LocalFleet implements Fleet {
  readonly #file: FleetFile

  constructor(file: FleetFile) {
    this.#file = file
  }

  exists(): boolean {
    return true
  }

  async read(timeoutMs: number): Promise<readonly PodReading[]> {
    const { pods, token } = await this.#file.read()
    return Promise.all(pods.map((pod) => readReport(pod, token, timeoutMs)))
  }

  async configure(push: ConfigPush, timeoutMs: number): Promise<readonly PushResult[]> {
    const { pods, token, configFile } = await this.#file.read()
    const desired = await readDesired(configFile)
    // The file is a pod too: it has seen a generation, and refuses a lower one.
    if (desired && desired.generation > push.generation)
      return pods.map(({ name }) => ({ pod: name, kind: 'fenced', seen: desired.generation }))
    // Addresses in it hold passwords: for its owner only.
    if (desired?.revision !== push.revision || desired.generation !== push.generation)
      await replaceFile(configFile, JSON.stringify(push), 0o600)
    return Promise.all(pods.map((pod) => pushConfig(pod, token, push, timeoutMs)))
  }
}

async function readDesired(path: string): Promise<ConfigPush | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as ConfigPush
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Error(`${path} cannot be read as a fleet config; remove it, and it is written anew`, { cause: error })
  }
}
