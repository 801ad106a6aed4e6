/**
 * The local fleet's list of pods: `fleet.yaml` in the operator's folder. Read again whenever it changes, so that pods can join or
 * leave while the operator runs.
 *
 *   apiVersion: fractal.lba.io/v1
 *   kind: Fleet
 *   metadata: { name: local }
 *   spec:
 *     pods: [{ name: pod-0, adminURL: http://127.0.0.1:9090 }]
 *     adminToken: { file: admin.token }   # or { env: FLK_ADMIN_TOKEN }
 *     configFile: fleet-config.json       # what pods read at start (their FLK_FLEET_CONFIG)
 */
import { readFile, stat } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import Type from 'typebox'
import { Compile } from 'typebox/compile'
import { parse } from 'yaml'
import type { AdminTls } from './admin-call.ts'

const closed = { additionalProperties: false } as const
const FleetFileSchema = Type.Object(
  {
    apiVersion: Type.Literal('fractal.lba.io/v1'),
    kind: Type.Literal('Fleet'),
    metadata: Type.Object({ name: Type.String({ minLength: 1, maxLength: 63 }) }),
    spec: Type.Object(
      {
        pods: Type.Array(
          Type.Object(
            { name: Type.String({ minLength: 1, maxLength: 253 }), adminURL: Type.String({ pattern: '^https?://' }) },
            closed,
          ),
          {
            maxItems: 1000,
          },
        ),
        adminToken: Type.Union([
          Type.Object({ file: Type.String({ minLength: 1 }) }, closed),
          Type.Object({ env: Type.String({ minLength: 1 }) }, closed),
        ]),
        configFile: Type.Optional(Type.String({ minLength: 1 })),
      },
      closed,
    ),
  },
  closed,
)

export interface PodAddress {
  readonly name: string
  readonly adminURL: string
  /** Where the admin port wants a client certificate, or has one of an authority that this machine does not know. */
  readonly tls?: AdminTls
}

export interface FleetList {
  readonly pods: readonly PodAddress[]
  readonly token: string
  readonly configFile: string
}

export const FLEET_FILE = 'fleet.yaml'
export const DEFAULT_CONFIG_FILE = 'fleet-config.json'
const validator = Compile(FleetFileSchema)

export class FleetFile {
  readonly #folder: string
  readonly #env: NodeJS.ProcessEnv
  #stamp = ''
  #list: FleetList | undefined
  #problem: string | undefined

  constructor(folder: string, env: NodeJS.ProcessEnv) {
    this.#folder = folder
    this.#env = env
  }

  /** Why it could not be used when it was last read. */
  get problem(): string | undefined {
    return this.#problem
  }

  /** @throws Error that names the file and the field. */
  async read(): Promise<FleetList> {
    try {
      const list = await this.#read()
      this.#problem = undefined
      return list
    } catch (error) {
      this.#problem = (error as Error).message
      throw error
    }
  }

  async #read(): Promise<FleetList> {
    const path = join(this.#folder, FLEET_FILE)
    const { size, mtimeMs, ino } = await stat(path).catch((cause) => {
      throw new Error(`${path} cannot be read: it lists the pods of the fleet`, { cause })
    })
    const stamp = `${size}/${mtimeMs}/${ino}`
    if (this.#list && stamp === this.#stamp) return this.#list
    const value: unknown = parse(await readFile(path, 'utf8'))
    if (!validator.Check(value)) {
      const [first] = validator.Errors(value)
      throw new Error(
        `${path}: ${first?.instancePath.slice(1).replaceAll('/', '.') || 'the document'} ${first?.message ?? 'is not a fleet'}`,
      )
    }
    const { pods, adminToken, configFile } = value.spec
    const names = new Set(pods.map((pod) => pod.name))
    if (names.size < pods.length) throw new Error(`${path}: spec.pods names a pod twice`)
    this.#list = { pods, token: await this.#token(adminToken), configFile: this.#inFolder(configFile ?? DEFAULT_CONFIG_FILE) }
    this.#stamp = stamp
    return this.#list
  }

  async #token(from: { file: string } | { env: string }): Promise<string> {
    if ('env' in from) {
      const token = this.#env[from.env]
      if (!token) throw new Error(`${FLEET_FILE}: spec.adminToken.env names ${from.env}, which is not set`)
      return token
    }
    const path = this.#inFolder(from.file)
    const token = (await readFile(path, 'utf8').catch(() => '')).trim()
    if (!token) throw new Error(`${FLEET_FILE}: spec.adminToken.file ${path} cannot be read or is empty`)
    return token
  }

  #inFolder(path: string): string {
    return isAbsolute(path) ? path : join(this.#folder, path)
  }
}
