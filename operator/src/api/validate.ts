/**
 * From whatever a manifest holds to a checked spec, or to sentences that name the field and say what to do. The API server refuses the same
 * by the CRD's rules; the operator checks again, since an object may be older than a rule, and local mode has no API server.
 */
import { parseShardList } from '@fractal-lba/shards/address'
import { type CrrPolicyInput, type CrrPolicySpec, CrrPolicySpecSchema, crrPolicyWithDefaults } from './crrpolicy.ts'
import { MAX_DURATION_HOURS, parseDurationMs } from './duration.ts'
import type { GatePolicy } from './fields.ts'
import { type FieldProblem, problemsText, schemaCheck } from './schema-problems.ts'
import { type ShardMigrationInput, type ShardMigrationSpec, ShardMigrationSpecSchema, withDefaults } from './shardmigration.ts'
import {
  type TieringPolicyInput,
  type TieringPolicySpec,
  TieringPolicySpecSchema,
  tieringPolicyWithDefaults,
} from './tieringpolicy.ts'

export { type FieldProblem, problemsText }

export type Validated<Spec = ShardMigrationSpec> =
  | { readonly ok: true; readonly spec: Spec }
  | { readonly ok: false; readonly problems: readonly FieldProblem[] }

export interface ValidateOptions {
  /** In a cluster addresses are read by many, so credentials come from a Secret; a folder of its user may hold them. */
  readonly credentials: 'allowed' | 'refused'
}

const MAX_PROBLEMS = 10
const checkMigration = schemaCheck(ShardMigrationSpecSchema)
const checkCrrPolicy = schemaCheck(CrrPolicySpecSchema)
const checkTieringPolicy = schemaCheck(TieringPolicySpecSchema)

type Say = (field: string, message: string) => void

export function validateSpec(value: unknown, options: ValidateOptions = { credentials: 'allowed' }): Validated {
  const problems = checkMigration(value)
  if (problems.length > 0) return refused(problems)
  const spec = withDefaults(value as ShardMigrationInput)
  return conclude(spec, migrationRelations(spec, options))
}

export function validateCrrPolicy(value: unknown): Validated<CrrPolicySpec> {
  const problems = checkCrrPolicy(value)
  if (problems.length > 0) return refused(problems)
  const spec = crrPolicyWithDefaults(value as CrrPolicyInput)
  return conclude(spec, crrRelations(spec))
}

export function validateTieringPolicy(value: unknown): Validated<TieringPolicySpec> {
  const problems = checkTieringPolicy(value)
  if (problems.length > 0) return refused(problems)
  const spec = tieringPolicyWithDefaults(value as TieringPolicyInput)
  return conclude(spec, tieringRelations(spec))
}

const refused = (problems: readonly FieldProblem[]) => ({ ok: false, problems: problems.slice(0, MAX_PROBLEMS) }) as const

const conclude = <Spec>(spec: Spec, problems: readonly FieldProblem[]): Validated<Spec> =>
  problems.length === 0 ? { ok: true, spec } : refused(problems)

function collector(): { problems: FieldProblem[]; say: Say } {
  const problems: FieldProblem[] = []
  return { problems, say: (field, message) => problems.push({ field: `spec.${field}`, message }) }
}

interface RolloutSpec {
  readonly gates: GatePolicy
  readonly steps: readonly number[]
  readonly progressDeadlineSeconds: number
}

/** What a schema cannot say of any kind: how fields have to fit each other. */
function rolloutRelations(spec: RolloutSpec, say: Say): void {
  if (spec.gates.failures > spec.gates.of)
    say('gates.failures', `must be at most gates.of (${spec.gates.of}), else the gate can never fail`)
  if (spec.gates.intervalSeconds > spec.gates.windowSeconds) {
    say(
      'gates.intervalSeconds',
      `must be at most gates.windowSeconds (${spec.gates.windowSeconds}), else traffic between two measurements is never looked at`,
    )
  }
  if (spec.steps.some((percent, i) => i > 0 && percent <= (spec.steps[i - 1] as number)))
    say('steps', 'must rise from step to step')
  if (spec.steps.at(-1) !== 100) say('steps', `must end at 100, not ${spec.steps.at(-1)}`)
  if (spec.progressDeadlineSeconds < spec.gates.windowSeconds) {
    say(
      'progressDeadlineSeconds',
      `must be at least gates.windowSeconds (${spec.gates.windowSeconds}), else no gate can answer in time`,
    )
  }
}

/** An address may carry a user and a password before its host. */
const holdsCredentials = (address: string): boolean => /^[a-z]+:\/\/[^/]*@/.test(address)

function crrRelations(spec: CrrPolicySpec): FieldProblem[] {
  const { problems, say } = collector()
  const { sourceRegion, targetRegions, replicationMode, tenantSelector: selector } = spec
  sayDuplicates('targetRegions', targetRegions, say)
  if (targetRegions.includes(sourceRegion)) say('targetRegions', `must not hold the source region ${sourceRegion}; remove it`)
  if (replicationMode === 'multi-way' && targetRegions.length < 2)
    say('targetRegions', 'must name at least two regions in replicationMode multi-way; add one, or set replicationMode to full')
  const selects = selector?.include?.length || selector?.exclude?.length || Object.keys(selector?.matchLabels ?? {}).length
  if (replicationMode === 'selective' && !selects)
    say(
      'tenantSelector',
      'is needed by replicationMode selective: give include, exclude or matchLabels, or set replicationMode to full',
    )
  if (replicationMode !== 'selective' && selector)
    say(
      'tenantSelector',
      'is read in replicationMode selective only, so tenants that it leaves out would be replicated; set that mode, or remove it',
    )
  sayDuplicates('tenantSelector.include', selector?.include ?? [], say)
  sayDuplicates('tenantSelector.exclude', selector?.exclude ?? [], say)
  const both = selector?.exclude?.find((tenant) => selector.include?.includes(tenant))
  if (both !== undefined) say('tenantSelector.exclude', 'names a tenant that is in include too; take it out of one of them')
  sayDuration('shipInterval', spec.shipInterval, say)
  rolloutRelations(spec, say)
  return problems
}

function tieringRelations(spec: TieringPolicySpec): FieldProblem[] {
  const { problems, say } = collector()
  const hot = sayDuration('hotTier.ttl', spec.hotTier.ttl, say)
  const warm = sayDuration('warmTier.ttl', spec.warmTier.ttl, say)
  const cold = sayDuration('coldTier.ttl', spec.coldTier.ttl, say)
  const longer = (older: 'warm' | 'cold', younger: 'hot' | 'warm') =>
    say(
      `${older}Tier.ttl`,
      `must be longer than ${younger}Tier.ttl, since a record passes through the ${younger} tier first; raise it, or lower that`,
    )
  if (hot !== undefined && warm !== undefined && hot >= warm) longer('warm', 'hot')
  if (warm !== undefined && cold !== undefined && warm >= cold) longer('cold', 'warm')
  sayDuration('demotionInterval', spec.demotionInterval, say)
  rolloutRelations(spec, say)
  return problems
}

/** @returns whole seconds, which is what the API server compares too. */
function sayDuration(field: string, text: string, say: Say): number | undefined {
  const ms = parseDurationMs(text)
  if (ms === undefined)
    say(field, `must be a duration above zero and of at most ${MAX_DURATION_HOURS} h, such as 30s, 1h30m or 7d`)
  return ms === undefined ? undefined : Math.floor(ms / 1000)
}

function sayDuplicates(field: string, values: readonly string[], say: Say): void {
  const twice = values.find((value, i) => values.indexOf(value) !== i)
  if (twice !== undefined) say(field, `${JSON.stringify(twice)} is listed twice; remove one`)
}

/** What a schema cannot say: how fields have to fit each other. */
function migrationRelations(spec: ShardMigrationSpec, options: ValidateOptions): FieldProblem[] {
  const { problems, say } = collector()
  const sources = shards(spec, 'sourceShards', say)
  const targets = shards(spec, 'targetShards', say)
  if (sources && targets && sources.join('\n') === targets.join('\n'))
    say('targetShards', 'are the source shards; name the shards that shall own the slots afterwards')
  if (options.credentials === 'refused') {
    for (const field of ['sourceShards', 'targetShards'] as const) {
      if (spec[field].some(holdsCredentials))
        say(field, "must hold no credentials; put them into the fleet's credentials Secret, and write redis://host:port")
    }
  }
  rolloutRelations(spec, say)
  return problems
}

function shards(spec: ShardMigrationSpec, field: 'sourceShards' | 'targetShards', say: Say): string[] | undefined {
  try {
    const parsed = parseShardList(spec[field])
    const kind = parsed[0]?.kind
    if (kind === spec.dedupBackend) return parsed.map((shard) => shard.id).sort()
    say(field, `are ${kind} addresses, but spec.dedupBackend is ${spec.dedupBackend}`)
  } catch (error) {
    say(field, (error as Error).message)
  }
  return undefined
}
