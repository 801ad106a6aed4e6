/**
 * The structural form of an object of named limits: a map from name to number, with one rule on the names and one for each range. Named
 * properties would let the API server drop a misspelt gate, which then always passes, without a word.
 */
import type { CelRule } from '../rules.ts'
import { NAMED_LIMITS } from '../rules.ts'
import type { JsonSchema } from './structural.ts'

/** More than there are names, so that the rule on names answers and not the bound. */
const MAX_ENTRIES = 32

export function namedLimits(schema: JsonSchema, path: string): JsonSchema {
  const limits = Object.entries(schema.properties ?? {})
  if (limits.some(([, limit]) => limit.type !== 'number' && limit.type !== 'integer'))
    throw new Error(`${path}: named limits are numbers`)
  const noun = String(schema[NAMED_LIMITS])
  const names = limits.map(([name]) => name)
  const list = `[${names.map((name) => `'${name}'`).join(', ')}]`
  const rules: CelRule[] = [
    {
      rule: `self.all(name, name in ${list})`,
      messageExpression: `'there is no ${noun} "' + self.filter(name, !(name in ${list}))[0] + '"; the ${noun}s are ${names.join(', ')}'`,
      message: `names a ${noun} that does not exist; the ${noun}s are ${names.join(', ')}`,
    },
    ...limits.map(([name, limit]) => rangeRule(name, limit)),
  ]
  const described = limits.map(([name, limit]) => `${name} (default ${String(limit.default)}): ${limit.description}`)
  return {
    type: 'object',
    description: [schema.description, ...described].join('\n'),
    default: Object.fromEntries(limits.map(([name, limit]) => [name, limit.default])),
    maxProperties: MAX_ENTRIES,
    additionalProperties: { type: 'number', format: 'double' },
    'x-kubernetes-validations': rules,
  }
}

function rangeRule(name: string, limit: JsonSchema): CelRule {
  const value = `self['${name}']`
  const whole = limit.type === 'integer' ? ` && ${value} == double(int(${value}))` : ''
  const integer = limit.type === 'integer' ? 'a whole number ' : ''
  return {
    rule: `!('${name}' in self) || (${value} >= ${double(limit.minimum)} && ${value} <= ${double(limit.maximum)}${whole})`,
    message: `${name} must be ${integer}from ${limit.minimum} to ${limit.maximum}`,
  }
}

/** A CEL double: never an integer literal, which does not compare with one everywhere. */
const double = (value: number | undefined): string => {
  const text = (value ?? 0).toFixed(3)
  return text.replace(/0+$/, '').replace(/[.]$/, '.0')
}
