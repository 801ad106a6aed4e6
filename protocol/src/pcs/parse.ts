/**
 * From the bytes of a request to a `Pcs`, or to the field that is wrong. Strict: UTF-8, no duplicate key, no unknown field, no number
 * out of range, everything of its type. On the path of every request (some 3 µs for a summary of 650 bytes), hence by hand:
 * each check is a comparison, nothing is copied, and reasons are made for refused bodies only.
 */
import { explainJson, type JsonFault } from './explain-json.ts'
import {
  MAX_DIRECTION,
  MAX_FT_DEPTH,
  MAX_FT_VALUES,
  MAX_SCALES,
  MAX_SHARD_ID,
  MAX_SIG,
  MIN_SCALES,
  type Pcs,
  PcsSchema,
  REGIMES,
  SCHEMA_NAME,
  SCHEMA_VERSION,
  SENT_AT_PATTERN,
} from './schema.ts'
import { parseCounting } from './strict-json.ts'

export type ParsedPcs = { readonly ok: true; readonly pcs: Pcs } | ({ readonly ok: false } & JsonFault)

/** A summary with every field at its longest fits several times over. */
export const MAX_BODY_BYTES = 64 * 1024

const SENT_AT = new RegExp(SENT_AT_PATTERN)

export function parsePcs(body: Buffer): ParsedPcs {
  if (body.length > MAX_BODY_BYTES) return refuse('body', `is ${body.length} bytes, at most ${MAX_BODY_BYTES} are read`)
  const json = parseCounting(body)
  if (json === undefined) return { ok: false, ...(explainJson(body) ?? { field: 'body', reason: 'is not JSON' }) }
  const { value } = json
  if (!isObject(value)) return refuse('body', 'is not a JSON object')
  const checked = checkFields(value)
  // A duplicate or a forbidden name is reported before the value that happened to win.
  if (typeof checked !== 'number') return { ok: false, ...(explainJson(body) ?? checked) }
  if (checked !== json.members) return { ok: false, ...(explainJson(body) ?? unknownMember(value)) }
  return { ok: true, pcs: value as unknown as Pcs }
}

type Members = Readonly<Record<string, unknown>>

/** @returns how many members the value has if all are known, or the first fault. */
function checkFields(value: Members): number | JsonFault {
  const { pcs_id, shard_id, epoch, attempt, sent_at, seed, regime, merkle_root, sig } = value
  if (!isHex64(pcs_id)) return fault('pcs_id', pcs_id, 'is not 64 lower-case hex digits')
  if (value.schema !== SCHEMA_NAME) return fault('schema', value.schema, `is not "${SCHEMA_NAME}"`)
  if (value.version !== SCHEMA_VERSION) return fault('version', value.version, `is not a known version ("${SCHEMA_VERSION}")`)
  if (!isShardId(shard_id))
    return fault('shard_id', shard_id, `is not a string of 1 to ${MAX_SHARD_ID} printable ASCII characters`)
  if (!isIntegerFrom(epoch, 0)) return fault('epoch', epoch, 'is not an integer from 0 to 2^53 - 1')
  if (regime !== 'mixed' && regime !== 'sticky' && regime !== 'non_sticky')
    return fault('regime', regime, `is none of ${REGIMES.join(', ')}`)
  if (!isHex64(merkle_root)) return fault('merkle_root', merkle_root, 'is not 64 lower-case hex digits')
  if (!isReal(value.coh_star)) return notReal('coh_star', value.coh_star)
  if (!isReal(value.D_hat)) return notReal('D_hat', value.D_hat)
  if (!isReal(value.r)) return notReal('r', value.r)
  if (!isReal(value.budget)) return notReal('budget', value.budget)
  let members = 13
  if (attempt !== undefined) {
    if (!isIntegerFrom(attempt, 0)) return fault('attempt', attempt, 'is not an integer from 0 to 2^53 - 1')
    members++
  }
  if (sent_at !== undefined) {
    if (typeof sent_at !== 'string' || !SENT_AT.test(sent_at))
      return fault('sent_at', sent_at, 'is not an RFC 3339 time with a zone')
    members++
  }
  if (seed !== undefined) {
    if (!Number.isInteger(seed)) return fault('seed', seed, 'is not an integer')
    members++
  }
  if (sig !== undefined) {
    if (typeof sig !== 'string' || sig.length > MAX_SIG)
      return fault('sig', sig, `is not a string of at most ${MAX_SIG} characters`)
    members++
  }
  if (value.v_star !== undefined) {
    const bad = checkDirection(value.v_star)
    if (bad) return bad
    members++
  }
  const counts = checkCounts(value.scales, value.N_j)
  if (typeof counts !== 'number') return counts
  if (value.ft === undefined) return members + counts
  if (!isObject(value.ft)) return fault('ft', value.ft, 'is not an object')
  const walk = new FreeFormWalk()
  const inside = walk.members(value.ft, 'ft', 1)
  return typeof inside === 'number' ? members + 1 + counts + inside : inside
}

/** Each scale has its count, and is there once. @returns the number of scales. */
function checkCounts(scales: unknown, counts: unknown): number | JsonFault {
  if (!Array.isArray(scales)) return fault('scales', scales, 'is not a list')
  if (scales.length < MIN_SCALES || scales.length > MAX_SCALES) {
    return { field: 'scales', reason: `has ${scales.length} scales, it needs ${MIN_SCALES} to ${MAX_SCALES}` }
  }
  if (!isObject(counts)) return fault('N_j', counts, 'is not an object')
  let previous = 0
  for (let i = 0; i < scales.length; i++) {
    const scale: unknown = scales[i]
    if (!isIntegerFrom(scale, 1)) return { field: `scales[${i}]`, reason: 'is not a positive integer' }
    if (scale <= previous && scales.indexOf(scale) < i) return { field: `scales[${i}]`, reason: `repeats the scale ${scale}` }
    previous = scale > previous ? scale : previous
    if (!isIntegerFrom(counts[scale], 1)) return fault(`N_j.${scale}`, counts[scale], 'is not a positive integer')
  }
  return scales.length
}

function checkDirection(direction: unknown): JsonFault | undefined {
  if (!Array.isArray(direction)) return fault('v_star', direction, 'is not a list')
  if (direction.length > MAX_DIRECTION)
    return { field: 'v_star', reason: `has ${direction.length} entries, at most ${MAX_DIRECTION} are read` }
  for (let i = 0; i < direction.length; i++)
    if (!isReal(direction[i])) return { field: `v_star[${i}]`, reason: 'is not a finite number' }
  return undefined
}

/** Counts the members in a free-form value, within bounds. */
class FreeFormWalk {
  #values = 0

  members(value: Members, path: string, depth: number): number | JsonFault {
    let members = 0
    for (const key in value) {
      if (key === '__proto__') return { field: `${path}.__proto__`, reason: 'is not an allowed member name' }
      const inside = this.#value(value[key], path, depth)
      if (typeof inside !== 'number') return inside
      members += 1 + inside
    }
    return members
  }

  #value(value: unknown, path: string, depth: number): number | JsonFault {
    if (++this.#values > MAX_FT_VALUES) return { field: 'ft', reason: `has more than ${MAX_FT_VALUES} values` }
    if (typeof value === 'number') return Number.isFinite(value) ? 0 : { field: path, reason: 'has a number out of range' }
    if (typeof value !== 'object' || value === null) return 0
    if (depth >= MAX_FT_DEPTH) return { field: 'ft', reason: `is nested deeper than ${MAX_FT_DEPTH} levels` }
    if (!Array.isArray(value)) return this.members(value as Members, path, depth + 1)
    let members = 0
    for (const item of value) {
      const inside = this.#value(item, path, depth + 1)
      if (typeof inside !== 'number') return inside
      members += inside
    }
    return members
  }
}

/** All fields are sound and no name is there twice, so some name is one too many. */
function unknownMember(value: Members): JsonFault {
  const known = PcsSchema.properties as Readonly<Record<string, unknown>>
  const unknown = Object.keys(value).find((key) => !Object.hasOwn(known, key))
  if (unknown !== undefined) return { field: visible(unknown), reason: 'is not a field of a summary' }
  const scales = new Set((value.scales as number[]).map(String))
  const extra = Object.keys(value.N_j as Members).find((key) => !scales.has(key))
  return { field: `N_j.${visible(extra ?? '')}`, reason: 'is not one of the scales' }
}

function visible(name: string): string {
  return /^[\w$-]{1,64}$/.test(name) ? name : JSON.stringify(name.slice(0, 64))
}

function refuse(field: string, reason: string): ParsedPcs {
  return { ok: false, field, reason }
}

function fault(field: string, value: unknown, reason: string): JsonFault {
  return { field, reason: value === undefined ? 'is missing' : reason }
}

function notReal(field: string, value: unknown): JsonFault {
  return fault(field, value, 'is not a finite number')
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isReal(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function isIntegerFrom(value: unknown, minimum: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= minimum
}

function isHex64(value: unknown): value is string {
  if (typeof value !== 'string' || value.length !== 64) return false
  for (let i = 0; i < 64; i++) {
    const code = value.charCodeAt(i)
    if (code < 0x30 || (code > 0x39 && code < 0x61) || code > 0x66) return false
  }
  return true
}

function isShardId(value: unknown): value is string {
  if (typeof value !== 'string' || value.length === 0 || value.length > MAX_SHARD_ID) return false
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if (code < 0x20 || code > 0x7e) return false
  }
  return true
}
