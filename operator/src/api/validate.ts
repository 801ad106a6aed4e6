/**
 * From whatever a manifest holds to a checked `ShardMigrationSpec`, or to sentences that name the field and say what to do. Strict: a
 * field that nobody reads is refused, since a misspelt gate that is silently ignored is a gate that always passes.
 */
import { parseShardList } from '@fractal-lba/shards/address'
import { Compile } from 'typebox/compile'
import {
  HealthGatesSchema,
  type ShardMigrationInput,
  type ShardMigrationSpec,
  ShardMigrationSpecSchema,
  withDefaults,
} from './shardmigration.ts'

export interface FieldProblem {
  /** e.g. `spec.healthGates.maxErrorRate` or `spec.targetShards[1]`. */
  readonly field: string
  readonly message: string
}

export type Validated =
  | { readonly ok: true; readonly spec: ShardMigrationSpec }
  | { readonly ok: false; readonly problems: readonly FieldProblem[] }

const validator = Compile(ShardMigrationSpecSchema)
const MAX_PROBLEMS = 10

export function validateSpec(value: unknown): Validated {
  if (!validator.Check(value)) {
    const problems = dedupe(validator.Errors(value).flatMap((error) => describe(error as SchemaError, value)))
    return { ok: false, problems: problems.slice(0, MAX_PROBLEMS) }
  }
  const spec = withDefaults(value as ShardMigrationInput)
  const problems = relations(spec)
  return problems.length === 0 ? { ok: true, spec } : { ok: false, problems: problems.slice(0, MAX_PROBLEMS) }
}

export const problemsText = (problems: readonly FieldProblem[]): string =>
  problems.map((problem) => `${problem.field}: ${problem.message}`).join('; ')

interface SchemaError {
  readonly keyword: string
  readonly instancePath: string
  readonly params: Record<string, unknown>
  readonly message: string
}

function describe(error: SchemaError, root: unknown): FieldProblem[] {
  const field = pathOf(error.instancePath)
  const { params } = error
  switch (error.keyword) {
    case 'boolean':
      // Reported once more, with its parent, as `additionalProperties`.
      return []
    case 'additionalProperties':
      return (params.additionalProperties as string[]).map((name) => ({
        field: `${field}.${name}`,
        message: unknownField(error.instancePath, name),
      }))
    case 'required':
      return (params.requiredProperties as string[]).map((name) => ({
        field: `${field}.${name}`,
        message: 'is required; add it',
      }))
    case 'type':
      return [{ field, message: `must be ${article(String(params.type))}, not ${shown(valueAt(root, error.instancePath))}` }]
    case 'enum':
      return [
        {
          field,
          message: `must be one of ${(params.allowedValues as string[]).join(', ')}, not ${shown(valueAt(root, error.instancePath))}`,
        },
      ]
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum':
      return [{ field, message: `must be ${params.comparison} ${params.limit}, not ${shown(valueAt(root, error.instancePath))}` }]
    default:
      return [{ field, message: error.message }]
  }
}

function unknownField(parentPath: string, name: string): string {
  if (parentPath === '/healthGates')
    return `there is no gate "${name}"; the gates are ${Object.keys(HealthGatesSchema.properties).join(', ')}`
  const siblings = parentPath === '' ? Object.keys(ShardMigrationSpecSchema.properties) : []
  const near = siblings.find((sibling) => sibling.toLowerCase() === name.toLowerCase() || editDistanceAtMost2(sibling, name))
  return near ? `there is no such field; did you mean "${near}"?` : 'there is no such field; remove it'
}

/** What a schema cannot say: how fields have to fit each other. */
function relations(spec: ShardMigrationSpec): FieldProblem[] {
  const problems: FieldProblem[] = []
  const say = (field: string, message: string) => problems.push({ field: `spec.${field}`, message })
  const sources = shards(spec, 'sourceShards', say)
  const targets = shards(spec, 'targetShards', say)
  if (sources && targets && sources.join('\n') === targets.join('\n'))
    say('targetShards', 'are the source shards; name the shards that shall own the slots afterwards')
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
  return problems
}

function shards(
  spec: ShardMigrationSpec,
  field: 'sourceShards' | 'targetShards',
  say: (field: string, message: string) => void,
): string[] | undefined {
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

function pathOf(pointer: string): string {
  const parts = pointer.split('/').slice(1)
  return `spec${parts.map((part) => (/^\d+$/.test(part) ? `[${part}]` : `.${part}`)).join('')}`
}

function valueAt(root: unknown, pointer: string): unknown {
  let value = root
  for (const part of pointer.split('/').slice(1)) value = (value as Record<string, unknown> | undefined)?.[part]
  return value
}

/** A value for a message: short, and never an address, which may hold a password. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (value === null) return 'empty'
  if (typeof value === 'object') return 'a map'
  if (typeof value === 'string') return value.includes('://') ? 'an address' : JSON.stringify(value.slice(0, 40))
  return String(value)
}

const article = (type: string): string =>
  type === 'object' ? 'a map' : type === 'array' ? 'a list' : /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`

function dedupe(problems: FieldProblem[]): FieldProblem[] {
  const seen = new Set<string>()
  return problems.filter(({ field, message }) => !seen.has(`${field}\0${message}`) && seen.add(`${field}\0${message}`))
}

function editDistanceAtMost2(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 2) return false
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      row.push(
        Math.min(
          (previous[j] as number) + 1,
          (row[j - 1] as number) + 1,
          (previous[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1),
        ),
      )
    }
    previous = row
  }
  return (previous[b.length] as number) <= 2
}
