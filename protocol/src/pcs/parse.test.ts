import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import Value from 'typebox/value'
import { describe, expect, it } from 'vitest'
import { explainJson } from './explain-json.ts'
import { goldenCompact, goldenPcs } from './golden/golden.ts'
import { MAX_BODY_BYTES, parsePcs } from './parse.ts'
import { PcsSchema } from './schema.ts'

const text = goldenCompact.toString('utf8')
/** The golden body with one member's text replaced; `undefined` takes the member out. */
const withMember = (name: string, json: string | undefined): Buffer => {
  const members = Object.entries(goldenPcs).map(([key, value]) => [key, JSON.stringify(value)] as const)
  const others = members.filter(([key]) => key !== name)
  const all = json === undefined ? others : [...others, [name, json] as const]
  return Buffer.from(`{${all.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`)
}
const faultOf = (body: Buffer) => {
  const parsed = parsePcs(body)
  return parsed.ok ? undefined : `${parsed.field} ${parsed.reason}`
}

describe('parsePcs on what agents send', () => {
  it('reads the summary from the field, compact and indented', () => {
    expect(parsePcs(goldenCompact)).toEqual({ ok: true, pcs: goldenPcs })
    expect(parsePcs(readFileSync(new URL('./golden/pcs_tiny_case_1.json', import.meta.url)))).toEqual({
      ok: true,
      pcs: goldenPcs,
    })
  })

  it.each(['attempt', 'sent_at', 'seed', 'v_star', 'ft', 'sig'])('does without %s', (name) => {
    expect(faultOf(withMember(name, undefined))).toBeUndefined()
  })

  it.each([
    ['sent_at', '"2025-01-19T12:00:00.123456+00:00"'],
    ['seed', '-3'],
    ['ft', '{}'],
    ['ft', '{"a":{"b":[{"c":1},{"c":2}]},"c":":\\"{:","d":[[],{}],"e":null}'],
    ['shard_id', '"a \\"quoted\\" name: {with} \\\\ signs"'],
    ['scales', '[16,2,8,4]'],
    ['sig', '""'],
    ['ft', '{"note":"Gr\u00fc\u00dfe \u{1f600}"}'],
  ])('takes %s %s', (name, json) => {
    expect(faultOf(withMember(name, json))).toBeUndefined()
  })
})

describe('parsePcs names the field that is wrong', () => {
  const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
  it.each([
    ['an empty body', Buffer.alloc(0), 'body is empty'],
    ['no JSON', Buffer.from('hello'), 'body is not JSON: a value is missing at character 1'],
    ['a list', Buffer.from('[]'), 'body is not a JSON object'],
    ['null', Buffer.from('null'), 'body is not a JSON object'],
    ['an empty object', Buffer.from('{}'), 'pcs_id is missing'],
    ['a byte order mark', Buffer.from(`\ufeff${text}`), 'body is not JSON: a value is missing at character 1'],
    [
      'a body that breaks off in a value',
      Buffer.from(text.slice(0, 20)),
      'pcs_id is not JSON: a string with its end, and control characters escaped is missing at character 11',
    ],
    ['two bodies', Buffer.from(`${text}{}`), `body has something behind its end, at character ${text.length + 1}`],
    [
      'a trailing comma',
      Buffer.from(`${text.slice(0, -1)},}`),
      `body is not JSON: a member name is missing at character ${text.length + 1}`,
    ],
    ['a body too long', Buffer.alloc(MAX_BODY_BYTES + 1, 0x20), 'body is 65537 bytes, at most 65536 are read'],
    ['a lone continuation byte in a value', bytesIn('sig', [0x80]), 'sig is not valid UTF-8'],
    ['an overlong encoding', bytesIn('shard_id', [0xc0, 0xaf]), 'shard_id is not valid UTF-8'],
    ['an encoded surrogate', bytesIn('sent_at', [0xed, 0xa0, 0x80]), 'sent_at is not valid UTF-8'],
    ['a field twice', Buffer.from(`${text.slice(0, -1)},"epoch":2}`), 'epoch is there twice'],
    ['a field twice, once escaped', Buffer.from(`${text.slice(0, -1)},"\\u0065poch":1}`), 'epoch is there twice'],
    ['a scale twice', withMember('N_j', '{"2":5,"4":10,"8":13,"16":15,"\\u0032":5}'), 'N_j.2 is there twice'],
    ['a note twice', withMember('ft', '{"a":[0,{"b":1,"b":2}]}'), 'ft.a[1].b is there twice'],
    [
      'a field twice, first of another type',
      Buffer.from(text.replace('"epoch":1,', '"epoch":[],"epoch":1,')),
      'epoch is there twice',
    ],
    ['__proto__', Buffer.from(`${text.slice(0, -1)},"__proto__":{"epoch":9}}`), '__proto__ is not an allowed member name'],
    ['__proto__, escaped', Buffer.from(`${text.slice(0, -1)},"\\u005f_proto__":1}`), '__proto__ is not an allowed member name'],
    ['__proto__ in ft', withMember('ft', '{"a":{"__proto__":{}}}'), 'ft.a.__proto__ is not an allowed member name'],
    ['an unknown field', withMember('extra', '1'), 'extra is not a field of a summary'],
    ['an inherited name', withMember('constructor', '1'), 'constructor is not a field of a summary'],
    ['a count without a scale', withMember('N_j', '{"2":5,"4":10,"8":13,"16":15,"32":16}'), 'N_j.32 is not one of the scales'],
    ['1e999', withMember('D_hat', '1e999'), 'D_hat is a number out of range'],
    ['-1e999 in ft', withMember('ft', '{"a":[1,-1e999]}'), 'ft.a[1] is a number out of range'],
    ['NaN', withMember('r', 'NaN'), /^r is not JSON: a value is missing/],
    ['a hundred levels', withMember('ft', `{"a":${deep(100)}}`), /^ft\.a\[0\].* is nested deeper than 32 levels/],
    ['thirty thousand levels', withMember('ft', `{"a":${deep(30_000)}}`), /^ft\.a\[0\].* is nested deeper than 32 levels/],
    ['ten levels', withMember('ft', `{"a":${deep(10)}}`), 'ft is nested deeper than 8 levels'],
    ['many notes', withMember('ft', `{"a":[${'0,'.repeat(300)}0]}`), 'ft has more than 256 values'],
    ['a raw line break in a string', withMember('shard_id', '"a\nb"'), /^shard_id is not JSON/],
  ])('%s', (_name, body, fault) => {
    if (typeof fault === 'string') expect(faultOf(body)).toBe(fault)
    else expect(faultOf(body)).toMatch(fault)
  })

  function bytesIn(name: string, bytes: number[]): Buffer {
    const body = withMember(name, '"X"')
    const at = body.indexOf('"X"')
    return Buffer.concat([body.subarray(0, at + 1), Buffer.from(bytes), body.subarray(at + 2)])
  }

  const required = [
    'pcs_id',
    'schema',
    'version',
    'shard_id',
    'epoch',
    'scales',
    'N_j',
    'coh_star',
    'D_hat',
    'r',
    'regime',
    'budget',
    'merkle_root',
  ]
  it.each(required)('%s missing', (name) => {
    expect(faultOf(withMember(name, undefined))).toBe(`${name} is missing`)
  })

  it.each([
    ['pcs_id', '"abc"'],
    ['pcs_id', `"${'A'.repeat(64)}"`],
    ['pcs_id', `"${'g'.repeat(64)}"`],
    ['schema', '"other"'],
    ['version', '"0.2"'],
    ['version', '0.1'],
    ['shard_id', '""'],
    ['shard_id', '7'],
    ['shard_id', '"Ger\u00e4t"'],
    ['shard_id', `"${'a'.repeat(129)}"`],
    ['epoch', '"12"'],
    ['epoch', '1.5'],
    ['epoch', '-1'],
    ['epoch', '9007199254740993'],
    ['epoch', 'null'],
    ['attempt', '-1'],
    ['attempt', 'true'],
    ['sent_at', '"yesterday"'],
    ['sent_at', '"2025-01-19T12:00:00"'],
    ['sent_at', '"2025-13-19T12:00:00Z"'],
    ['sent_at', '0'],
    ['seed', '0.5'],
    ['seed', '"42"'],
    ['scales', '{}'],
    ['scales', '[2]'],
    ['scales', `[${Array.from({ length: 65 }, (_, i) => i + 1)}]`],
    ['N_j', '[]'],
    ['N_j', 'null'],
    ['coh_star', '"0.5"'],
    ['v_star', '{}'],
    ['v_star', `[${'0,'.repeat(1024)}0]`],
    ['D_hat', 'null'],
    ['r', '[]'],
    ['regime', '"Mixed"'],
    ['budget', 'true'],
    ['merkle_root', '"00"'],
    ['sig', '1'],
    ['sig', `"${'a'.repeat(257)}"`],
    ['ft', '[]'],
    ['ft', '"x"'],
  ])('%s %s', (name, json) => {
    const parsed = parsePcs(withMember(name, json))
    expect(parsed).toMatchObject({ ok: false, field: name })
  })

  it.each([
    ['scales', '[2,4,4,16]', 'scales[2] repeats the scale 4'],
    ['scales', '[16,4,8,4]', 'scales[3] repeats the scale 4'],
    ['scales', '[2,0,8,16]', 'scales[1] is not a positive integer'],
    ['scales', '[2,2.5,8,16]', 'scales[1] is not a positive integer'],
    ['scales', '[2,"4",8,16]', 'scales[1] is not a positive integer'],
    ['N_j', '{"2":5,"4":10,"16":15}', 'N_j.8 is missing'],
    ['N_j', '{"2":5,"4":0,"8":13,"16":15}', 'N_j.4 is not a positive integer'],
    ['N_j', '{"2":5,"4":"10","8":13,"16":15}', 'N_j.4 is not a positive integer'],
    ['N_j', '{"2":5,"04":10,"8":13,"16":15}', 'N_j.4 is missing'],
    ['v_star', '[0,null]', 'v_star[1] is not a finite number'],
  ])('%s %s', (name, json, fault) => {
    expect(faultOf(withMember(name, json))).toBe(fault)
  })
})

describe('parsePcs on anything', () => {
  const mutated = fc
    .array(fc.record({ at: fc.nat(goldenCompact.length - 1), byte: fc.nat(255), cut: fc.nat(3) }), { minLength: 1, maxLength: 4 })
    .map((changes) =>
      changes.reduce((body, { at, byte, cut }) => {
        const index = at % body.length
        return Buffer.concat([body.subarray(0, index), Buffer.from([byte]), body.subarray(index + cut)])
      }, goldenCompact),
    )

  it('answers, never throws, and names a field where it refuses', () => {
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 300 }).map(Buffer.from), fc.json().map(Buffer.from)), (body) => {
        const parsed = parsePcs(Buffer.from(body))
        if (!parsed.ok) expect(parsed.field.length * parsed.reason.length).toBeGreaterThan(0)
      }),
      { numRuns: 3000 },
    )
  })

  it('accepts only what the published schema accepts', () => {
    let accepted = 0
    fc.assert(
      fc.property(mutated, (body) => {
        const parsed = parsePcs(body)
        if (!parsed.ok) return
        accepted++
        expect(Value.Check(PcsSchema, parsed.pcs)).toBe(true)
      }),
      { numRuns: 3000 },
    )
    expect(accepted).toBeGreaterThan(20)
  })

  it('reads notes exactly where they are strict JSON, by the count as by the careful reader', () => {
    const name = fc.constantFrom('a', 'b', '\\u0061', '__proto__', ':', '\\"', 'c')
    const { note } = fc.letrec<{ note: string }>((tie) => ({
      note: fc.oneof(
        { maxDepth: 3 },
        fc.constantFrom('1', '"x:y"', '"\\\\"', 'null', '[]', '{}', '1e400', '"\\":"'),
        fc.array(tie('note'), { maxLength: 3 }).map((items) => `[${items.join(',')}]`),
        fc
          .array(fc.tuple(name, tie('note')), { maxLength: 4 })
          .map((members) => `{${members.map(([key, value]) => `"${key}":${value}`).join(', ')}}`),
      ),
    }))
    fc.assert(
      fc.property(note, (json) => {
        const body = withMember('ft', `{"n":${json}}`)
        expect(parsePcs(body).ok).toBe(explainJson(body) === undefined)
      }),
      { numRuns: 2000 },
    )
  })
})
