import Type from 'typebox'
import { describe, expect, it } from 'vitest'
import { crdFiles } from './resources.ts'
import { type JsonSchema, structural } from './structural.ts'

const of = (schema: object) => structural(schema as JsonSchema, 'spec')

describe('the structural form', () => {
  it('has one object for a union that differs by a word', () => {
    const union = Type.Union([
      Type.Object({ kind: Type.Literal('pass') }),
      Type.Object({ kind: Type.Literal('fail'), text: Type.String({ maxLength: 10 }) }),
    ])
    expect(of(union)).toEqual({
      type: 'object',
      required: ['kind'],
      properties: { kind: { type: 'string', enum: ['pass', 'fail'] }, text: { type: 'string', maxLength: 10 } },
    })
  })

  it('says a fractional lower bound as a rule, since the API server lets 0 pass a minimum of 0.1', () => {
    expect(of(Type.Number({ minimum: 0.1 }))).toMatchObject({ 'x-kubernetes-validations': [{ rule: 'self >= 0.1' }] })
    expect(of(Type.Number({ minimum: 1 }))).toEqual({ type: 'number', format: 'double', minimum: 1 })
  })

  it('of a status needs no field and excludes no word, but for entries that have a key', () => {
    const status = Type.Object({
      phase: Type.Enum(['A', 'B'], { description: 'Where.' }),
      conditions: Type.Array(Type.Object({ type: Type.Enum(['Ready']) }), { maxItems: 3, 'x-kubernetes-list-type': 'map' }),
    })
    const open = structural(status as unknown as JsonSchema, 'status', 'open')
    expect(open).not.toHaveProperty('required')
    expect(open.properties?.phase).toEqual({ type: 'string', maxLength: 128, description: 'Where. One of A, B.' })
    expect(open.properties?.conditions?.items).toMatchObject({ required: ['type'], properties: { type: { enum: ['Ready'] } } })
  })

  it('fills in the defaults of an object that was left out', () => {
    const inner = Type.Object({ size: Type.Optional(Type.Integer({ default: 3 })) })
    expect(of(inner)).toMatchObject({ default: {}, properties: { size: { default: 3 } } })
  })

  it.each([
    ['a string without bound', Type.String(), 'spec: a string needs maxLength'],
    ['a list without bound', Type.Array(Type.Boolean()), 'spec: a list needs items and maxItems'],
    ['a map without bound', Type.Record(Type.String(), Type.Boolean()), 'spec: a map needs maxProperties'],
    ['a pattern that nobody explains', Type.String({ maxLength: 3, pattern: '^a$' }), 'spec: a pattern needs a rule'],
    ['a union of strings and objects', Type.Union([Type.String(), Type.Object({})]), 'spec: only unions of objects'],
  ])('refuses %s', (_what, schema, message) => {
    expect(() => of(schema)).toThrow(message)
  })

  it('of all kinds is small enough to be applied by a client', () => {
    for (const [file, text] of Object.entries(crdFiles())) expect(text.length, file).toBeLessThan(256 << 10)
  })
})
