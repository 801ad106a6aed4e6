/**
 * From a typebox schema to the structural schema of a CRD: no references, `const` and unions become plain properties and enums, every
 * string, list and map has a bound (else the API server refuses to estimate what a rule costs), integers are 64 bits. Unknown
 * fields are left to pruning, which `kubectl` and server-side apply report; where that would be dangerous there is `NAMED_LIMITS`.
 */
import { type CelRule, NAMED_LIMITS } from '../rules.ts'
import { namedLimits } from './named-limits.ts'

export interface JsonSchema {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly exclusiveMinimum?: number | boolean
  readonly exclusiveMaximum?: number | boolean
  readonly minimum?: number | undefined
  readonly maximum?: number
  readonly [keyword: string]: unknown
}

/** Kept as they are. Not `pattern`: the API server would show the expression; a rule beside it says in words what is wanted. */
const KEPT = [
  'description',
  'default',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'maxProperties',
  'minimum',
  'maximum',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-validations',
] as const

/**
 * `closed`: of a spec, which has to be as the schema says. `open`: of a status, which an older or newer operator than these definitions may
 * write, while the two are upgraded one after the other: no field is needed and no word excluded, since a status that is refused
 * stops its controller. Entries of map lists (conditions) stay closed; their form is Kubernetes' own.
 */
export type Openness = 'closed' | 'open'

/** Of a word whose vocabulary is open. */
const MAX_WORD_LENGTH = 128

/** @throws Error that names the field whose schema cannot be expressed, or lacks a bound. */
export function structural(schema: JsonSchema, path: string, openness: Openness = 'closed'): JsonSchema {
  if (schema[NAMED_LIMITS] !== undefined) return namedLimits(schema, path)
  if (schema.anyOf) return structural(merged(schema, path), path, openness)
  const values = schema.enum ?? (schema.const === undefined ? undefined : [schema.const])
  const type = schema.type ?? typeOf(values, path)
  const kept = Object.fromEntries(KEPT.flatMap((keyword) => (schema[keyword] === undefined ? [] : [[keyword, schema[keyword]]])))
  switch (type) {
    case 'object':
      return { type, ...kept, ...objectOf(schema, path, openness) }
    case 'array':
      if (!schema.items || schema.maxItems === undefined) throw new Error(`${path}: a list needs items and maxItems`)
      return {
        type,
        ...kept,
        items: structural(schema.items, `${path}[]`, schema['x-kubernetes-list-type'] === 'map' ? 'closed' : openness),
      }
    case 'string':
      if (!values && schema.maxLength === undefined) throw new Error(`${path}: a string needs maxLength`)
      if (schema.pattern !== undefined && schema['x-kubernetes-validations'] === undefined)
        throw new Error(`${path}: a pattern needs a rule that says it in words`)
      if (values && openness === 'open') return { type, ...kept, maxLength: MAX_WORD_LENGTH, ...vocabulary(schema, values) }
      return { type, ...kept, ...(values ? { enum: values } : {}) }
    case 'integer':
      return { type, format: 'int64', ...kept }
    case 'number':
      return { type, format: 'double', ...kept, ...exclusiveBounds(schema), ...fractionalMinimum(schema) }
    case 'boolean':
      return { type, ...kept }
    default:
      throw new Error(`${path}: no structural form of type ${type}`)
  }
}

function objectOf(schema: JsonSchema, path: string, openness: Openness): JsonSchema {
  const [values] = Object.values(schema.patternProperties ?? {})
  if (values) {
    if (schema.maxProperties === undefined) throw new Error(`${path}: a map needs maxProperties`)
    return { additionalProperties: structural(values, `${path}.*`, openness) }
  }
  const properties = Object.fromEntries(
    Object.entries(schema.properties ?? {}).map(([name, child]) => [name, structural(child, `${path}.${name}`, openness)]),
  )
  // The defaults inside are only filled in where the object is there.
  const filled = Object.values(properties).some((child) => child.default !== undefined) && !schema.required?.length
  return {
    ...(filled ? { default: {} } : {}),
    ...(schema.required?.length && openness === 'closed' ? { required: schema.required } : {}),
    properties,
  }
}

const vocabulary = ({ description }: JsonSchema, values: readonly unknown[]): JsonSchema => ({
  description: [description, `One of ${values.join(', ')}.`].filter((part) => part !== undefined).join(' '),
})

/** A union of objects that differ by an enum: what any of them has, with what all of them need. */
function merged({ anyOf = [], ...rest }: JsonSchema, path: string): JsonSchema {
  if (anyOf.some((each) => each.type !== 'object')) throw new Error(`${path}: only unions of objects have a structural form`)
  const properties: Record<string, JsonSchema> = {}
  for (const alternative of anyOf) {
    for (const [name, child] of Object.entries(alternative.properties ?? {})) {
      const earlier = properties[name]
      const values = [...valuesOf(earlier), ...valuesOf(child)]
      properties[name] = earlier && values.length > 0 ? { ...child, const: undefined, enum: [...new Set(values)] } : child
    }
  }
  const required = Object.keys(properties).filter((name) => anyOf.every((each) => each.required?.includes(name)))
  return { ...rest, type: 'object', properties, required }
}

const valuesOf = (schema: JsonSchema | undefined): readonly unknown[] =>
  schema?.enum ?? (schema?.const === undefined ? [] : [schema.const])

function typeOf(values: readonly unknown[] | undefined, path: string): string {
  if (!values?.every((value) => typeof value === 'string')) throw new Error(`${path}: has no type`)
  return 'string'
}

/** The API server compares a whole number with the integer part of a bound: 0 would pass a minimum of 0.1. A rule does not. */
function fractionalMinimum({ minimum, 'x-kubernetes-validations': rules }: JsonSchema): JsonSchema {
  if (minimum === undefined || Number.isInteger(minimum)) return {}
  const rule: CelRule = { rule: `self >= ${minimum}`, message: `must be greater than or equal to ${minimum}` }
  return { minimum: undefined, 'x-kubernetes-validations': [...((rules ?? []) as CelRule[]), rule] }
}

/** OpenAPI 3.0 says with a flag whether a bound is exclusive. */
function exclusiveBounds({ exclusiveMinimum, exclusiveMaximum }: JsonSchema): JsonSchema {
  return {
    ...(typeof exclusiveMinimum === 'number' ? { minimum: exclusiveMinimum, exclusiveMinimum: true } : {}),
    ...(typeof exclusiveMaximum === 'number' ? { maximum: exclusiveMaximum, exclusiveMaximum: true } : {}),
  }
}
