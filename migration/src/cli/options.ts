/** The command line, parsed once into what the verbs work with. Every value that is wrong is named with what would be right. */
import { readFile } from 'node:fs/promises'
import { DEFAULT_VNODES, MAX_VNODES } from '@fractal-lba/protocol/ring/ring'
import { parseShardAddress, type ShardAddress } from '@fractal-lba/shards/address'
import { DEFAULT_STEPS } from '../settings.ts'
import { CommandFailed, EXIT } from './exit-codes.ts'

/** As commander hands them over: text, or undefined where nothing was given. */
export interface RawOptions {
  readonly from?: string
  readonly to?: string
  readonly id?: string
  readonly vnodes?: string
  readonly batchSize?: string
  readonly throttle?: string
  readonly steps?: string
  readonly stepSeconds?: string
  readonly soak?: string
  readonly maxLag?: string
  readonly convergeDeadline?: string
  readonly approve?: string
  readonly dryRun?: boolean
  readonly takeOver?: boolean
  readonly output?: string
  readonly certificate?: string
  readonly key?: string
  readonly pods?: string
  readonly adminTokenFile?: string
  readonly podsKnowTargets?: boolean
  readonly maxP95?: string
}

export interface Options {
  readonly from: readonly ShardAddress[]
  /** Empty where none were given: then the migration under way says which. */
  readonly to: readonly ShardAddress[]
  /** Both, each once. */
  readonly shards: readonly ShardAddress[]
  readonly id: string | undefined
  readonly vnodes: number
  readonly batchKeys: number | undefined
  readonly throttleQps: number | undefined
  readonly steps: readonly number[]
  readonly stepMs: number
  readonly soakMs: number
  readonly maxLagMs: number | undefined
  readonly convergeDeadlineMs: number | undefined
  readonly approvedPlan: string | undefined
  readonly dryRun: boolean
  readonly takeOver: boolean
  readonly output: 'table' | 'json'
  readonly certificateFile: string | undefined
  readonly keyFile: string | undefined
  readonly pods: PodsOption
  readonly maxP95Ms: number
}

/** How the pods come to know the targets, without which a cutover would leave them nowhere to go. */
export type PodsOption =
  | { readonly kind: 'push'; readonly urls: readonly URL[]; readonly token: string }
  | { readonly kind: 'known' }
  | { readonly kind: 'unsaid' }

const DEFAULT_STEP_SECONDS = 2
const DEFAULT_SOAK_SECONDS = 10
const DEFAULT_MAX_P95_MS = 200

export async function parseOptions(raw: RawOptions, env: NodeJS.ProcessEnv): Promise<Options> {
  const from = shards('--from', raw.from ?? env.MIGRATE_FROM)
  const to = shards('--to', raw.to ?? env.MIGRATE_TO)
  if (from.length === 0) throw usage('--from (or MIGRATE_FROM) must list the shards that own the slots now')
  const all = new Map([...from, ...to].map((shard) => [shard.id, shard]))
  if (new Set([...all.values()].map(({ kind }) => kind)).size > 1)
    throw usage('all shards must be of one kind, redis or postgres')
  return {
    from,
    to,
    shards: [...all.values()],
    id: identifier(raw.id),
    vnodes: integer('--vnodes', raw.vnodes ?? env.DEDUP_VNODES, 1, MAX_VNODES) ?? DEFAULT_VNODES,
    batchKeys: integer('--batch-size', raw.batchSize, 1, 100_000),
    throttleQps: integer('--throttle', raw.throttle, 1, 1_000_000_000),
    steps: percentages(raw.steps),
    stepMs: seconds('--step-seconds', raw.stepSeconds) ?? DEFAULT_STEP_SECONDS * 1000,
    soakMs: seconds('--soak', raw.soak) ?? DEFAULT_SOAK_SECONDS * 1000,
    maxLagMs: seconds('--max-lag', raw.maxLag),
    convergeDeadlineMs: seconds('--converge-deadline', raw.convergeDeadline),
    approvedPlan: raw.approve,
    dryRun: raw.dryRun ?? false,
    takeOver: raw.takeOver ?? false,
    output: outputFormat(raw.output),
    certificateFile: raw.certificate,
    keyFile: raw.key,
    pods: await pods(raw),
    maxP95Ms: integer('--max-p95', raw.maxP95, 1, 60_000) ?? DEFAULT_MAX_P95_MS,
  }
}

function shards(option: string, text: string | undefined): ShardAddress[] {
  const parts = (text ?? '').split(',').map((part) => part.trim())
  const found = parts
    .filter((part) => part !== '')
    .map((part) => {
      try {
        return parseShardAddress(part)
      } catch (error) {
        throw usage(`${option}: ${(error as Error).message}`)
      }
    })
  if (new Set(found.map(({ id }) => id)).size !== found.length) throw usage(`${option} lists a shard twice`)
  if (found.some(({ kind }) => kind === 'memory')) throw usage(`${option}: shards are redis:// or postgres:// addresses`)
  return found
}

async function pods(raw: RawOptions): Promise<PodsOption> {
  if (raw.pods === undefined) return { kind: raw.podsKnowTargets ? 'known' : 'unsaid' }
  if (raw.adminTokenFile === undefined) throw usage('--pods needs --admin-token-file with the token of the pods’ admin port')
  const token = await readFile(raw.adminTokenFile, 'utf8').catch((error: Error) => {
    throw usage(`--admin-token-file cannot be read: ${error.message}`)
  })
  const urls = raw.pods.split(',').map((text) => {
    if (!URL.canParse(text.trim())) throw usage('--pods is a list of URLs of admin ports, such as http://verifier-0:8081')
    return new URL(text.trim())
  })
  return { kind: 'push', urls, token: token.trim() }
}

function identifier(text: string | undefined): string | undefined {
  if (text !== undefined && !/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(text))
    throw usage('--id is letters, digits, dots, dashes and underscores, at most 100')
  return text
}

function integer(option: string, text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!Number.isInteger(value) || value < least || value > most)
    throw usage(`${option} is an integer from ${least} to ${most}, not "${text.slice(0, 40)}"`)
  return value
}

function seconds(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value < 0 || value > 86_400)
    throw usage(`${option} is a number of seconds from 0 to 86400, not "${text.slice(0, 40)}"`)
  return value * 1000
}

function percentages(text: string | undefined): readonly number[] {
  if (text === undefined) return DEFAULT_STEPS
  const steps = text.split(',').map(Number)
  const rising = steps.every((step, index) => step > 0 && step <= 100 && (index === 0 || step > steps[index - 1]!))
  if (!rising || steps.at(-1) !== 100) throw usage('--steps are rising percentages that end with 100, such as 1,10,50,100')
  return steps
}

function outputFormat(text: string | undefined): 'table' | 'json' {
  if (text === undefined || text === 'table') return 'table'
  if (text === 'json') return 'json'
  throw usage('--output is table or json')
}

export function usage(message: string): CommandFailed {
  return new CommandFailed(EXIT.usage, message)
}
