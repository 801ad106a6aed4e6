/**
 * The API that keeps the `ShardMigration` objects, and what an operator sees of it: through a network that loses and delays, and from a cache
 * that may lag behind others' writes, but never behind its own.
 */
import { annotationOf, type Verb } from '@fractal-lba/operator/api/group'
import type { ShardMigrationSpec } from '@fractal-lba/operator/api/shardmigration'
import type { ShardMigrationStatus } from '@fractal-lba/operator/api/status'
import type { MigrationObject, MigrationObjects } from '@fractal-lba/operator/controllers/shardmigration/objects'
import type { CallRates } from './faults.ts'
import type { Network } from './network.ts'
import type { Process } from './process.ts'
import { chance, type Random } from './random.ts'

export class ApiDown extends Error {}

export const API = { name: 'api', alive: true }

interface Version {
  readonly annotations: Readonly<Record<string, string>>
  readonly generation: number
  readonly spec: ShardMigrationSpec
  /** JSON, as an API server keeps it. */
  readonly status: string | undefined
}

/** One object, and all that it ever was. */
export class StoredMigration {
  readonly name: string
  readonly uid = 'a1b2c3d4'
  readonly versions: Version[]
  certificate: string | undefined

  constructor(name: string, spec: ShardMigrationSpec) {
    this.name = name
    this.versions = [{ annotations: {}, generation: 1, spec, status: undefined }]
  }

  get latest(): Version {
    return this.versions.at(-1) as Version
  }

  get status(): ShardMigrationStatus | undefined {
    return this.#statusOf(this.latest)
  }

  change(change: Partial<Version>): void {
    this.versions.push({ ...this.latest, ...change })
  }

  /** What a person asks for. */
  give(verb: Verb, value: string): void {
    this.change({ annotations: { ...this.latest.annotations, [annotationOf(verb)]: value } })
  }

  at(index: number): MigrationObject {
    const version = this.versions[index] as Version
    return {
      name: this.name,
      uid: this.uid,
      generation: version.generation,
      annotations: version.annotations,
      deletionRequested: false,
      spec: version.spec,
      problems: [],
      status: this.#statusOf(version),
    }
  }

  #statusOf({ status }: Version): ShardMigrationStatus | undefined {
    return status === undefined ? undefined : (JSON.parse(status) as ShardMigrationStatus)
  }
}

export interface ObjectsViewParts {
  readonly stored: StoredMigration
  readonly process: Process
  readonly network: Network
  readonly rates: () => CallRates
  readonly random: Random
  /** Nothing is stale any more. */
  readonly peace: () => boolean
  readonly onEvent: (text: string) => void
  readonly onStale: () => void
}

/** How many versions a cache may lag behind. */
const MAX_LAG = 3

export class ObjectsView implements MigrationObjects {
  readonly #parts: ObjectsViewParts
  /** Reads never go back behind this version: the last one read, or written. */
  #seen = 0

  constructor(parts: ObjectsViewParts) {
    this.#parts = parts
  }

  async get(name: string): Promise<MigrationObject | undefined> {
    const { stored, process, random, peace } = this.#parts
    await process.turn()
    if (name !== stored.name) return undefined
    const newest = stored.versions.length - 1
    const lag = !peace() && chance(random, 0.2) ? Math.ceil(random() * MAX_LAG) : 0
    this.#seen = Math.max(this.#seen, newest - lag)
    if (this.#seen < newest) this.#parts.onStale()
    return stored.at(this.#seen)
  }

  async names(): Promise<readonly string[]> {
    return [this.#parts.stored.name]
  }

  async writeStatus(_object: MigrationObject, status: ShardMigrationStatus): Promise<void> {
    const { stored } = this.#parts
    const text = JSON.stringify(status)
    await this.#call(() => {
      if (text !== stored.latest.status) stored.change({ status: text })
      this.#seen = Math.max(this.#seen, stored.versions.length - 1)
    })
  }

  async event(_object: MigrationObject, type: string, reason: string, message: string): Promise<void> {
    this.#parts.onEvent(`${type} ${reason}: ${message}`)
  }

  async consume(_object: MigrationObject, verb: Verb, value: string): Promise<void> {
    const { stored } = this.#parts
    await this.#call(() => {
      const { [annotationOf(verb)]: present, ...rest } = stored.latest.annotations
      if (present === value) stored.change({ annotations: rest })
      this.#seen = Math.max(this.#seen, stored.versions.length - 1)
    })
  }

  async forget(): Promise<void> {
    throw new Error('nobody deletes it')
  }

  async keepCertificate(_name: string, canonicalJson: string): Promise<void> {
    await this.#call(() => {
      this.#parts.stored.certificate = canonicalJson
    })
  }

  #call(work: () => void): Promise<void> {
    const { process, network, rates } = this.#parts
    const perform = async () => work()
    // Not late: a status that arrives after its writer gave it up, over a newer one, is not looked at here (docs/correctness.md).
    const inTime = { ...rates(), late: 0 }
    return network.call({ from: process, to: API, rates: inTime, perform, unanswered: (why) => new ApiDown(why) })
  }
}
