/**
 * From the errors of a schema to sentences that name the field and say what to do. Strict: a field that nobody reads is refused, since
 * a misspelt gate that is silently ignored is a gate that always passes. Values are shown short, and an address never.
 */

import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { DURATION_PATTERN } from './duration.ts'
import { DNS_LABEL } from './fields.ts'
import { NAMED_LIMITS } from './rules.ts'

export interface FieldProblem {
  /** e.g. `spec.healthGates.maxErrorRate` or `spec.targetShards[1]`. */
  readonly field: string
  readonly message: string
}

export const problemsText = (problems: readonly FieldProblem[]): string =>
  problems.map((problem) => `${problem.field}: ${problem.message}`).join('; ')

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly items?: SchemaNode
  readonly [NAMED_LIMITS]?: string
}

/** A check that finds what is wrong with a value; empty: nothing that the schema can tell. */
export function schemaCheck(schema: TSchema): (value: unknown) => FieldProblem[] {
  const validator = Compile(schema)
  return (value) =>
    validator.Check(value)
      ? []
      : dedupe(validator.Errors(value).flatMap((error) => describe(error as SchemaError, schema as SchemaNode, value)))
}

interface SchemaError {
  readonly keyword: string
  readonly instancePath: string
  readonly params: Record<string, unknown>
  readonly message: string
}

function describe(error: SchemaError, schema: SchemaNode, root: unknown): FieldProblem[] {
  const field = pathOf(error.instancePath)
  const { params } = error
  switch (error.keyword) {
    case 'boolean':
      // Reported once more, with its parent, as `additionalProperties`.
      return []
    case 'additionalProperties':
      return (params.additionalProperties as string[]).map((name) => ({
        field: `${field}.${name}`,
        message: unknownField(nodeAt(schema, error.instancePath), name),
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
    case 'minLength':
      return [{ field, message: 'must not be empty; give a value, or remove the field' }]
    case 'maxLength':
      return [{ field, message: `must have at most ${params.limit} characters; shorten it` }]
    case 'minItems':
      return [{ field, message: `must have at least ${params.limit} entries; add one` }]
    case 'maxItems':
      return [{ field, message: `must have at most ${params.limit} entries; remove some` }]
    case 'pattern':
      return [{ field, message: `${patternText(String(params.pattern))}, not ${shown(valueAt(root, error.instancePath))}` }]
    default:
      return [{ field, message: error.message }]
  }
}

function unknownField(parent: SchemaNode | undefined, name: string): string {
  const names = Object.keys(parent?.properties ?? {})
  const noun = parent?.[NAMED_LIMITS]
  if (noun !== undefined) return `there is no ${noun} "${name}"; the ${noun}s are ${names.join(', ')}`
  const near = names.find((sibling) => sibling.toLowerCase() === name.toLowerCase() || editDistanceAtMost2(sibling, name))
  return near ? `there is no such field; did you mean "${near}"?` : 'there is no such field; remove it'
}

function pathOf(pointer: string): string {
  const parts = pointer.split('/').slice(1)
  return `spec${parts.map((part) => (/^\d+$/.test(part) ? `[${part}]` : `.${part}`)).join('')}`
}

function nodeAt(schema: SchemaNode, pointer: string): SchemaNode | undefined {
  let node: SchemaNode | undefined = schema
  for (const part of pointer.split('/').slice(1)) node = /^\d+$/.test(part) ? node?.items : node?.properties?.[part]
  return node
}

function patternText(pattern: string): string {
  if (pattern === DURATION_PATTERN) return 'must be a duration such as 30s, 1h30m or 7d'
  if (pattern === DNS_LABEL) return 'must consist of lower-case letters, digits and dashes, with no dash at either end'
  return `must match ${pattern}`
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
