/**
 * The scripts of the data plane, run by Redis itself: each is one atomic step. Layout of a shard's database:
 *
 *   flk:d:SLOT           HASH   key (32 bytes) -> expiry (u64, ms) ‖ record
 *   flk:slots            HASH   slot -> row text (row-text.ts); the authority on ownership (I1)
 *   flk:meta             HASH   fleet, ready, epoch, fence, lease, seq, rows (names the present state of flk:slots), changes
 *   flk:q:SLOT           LIST   captured records: seq (u64) ‖ captured at (u64, ms) ‖ key ‖ expiry ‖ record
 *   flk:dirty:MIGRATION  ZSET   slots with captured records, by the time of the oldest
 *   flk:backlog          HASH   migration -> captured records
 *   flk:migrations       HASH   migration -> document
 *
 * No Redis TTLs: a key that Redis dropped by itself would be missing from one side of a migration and not from the other. Keys are
 * not declared (KEYS): a shard is one server, never a Redis cluster.
 */
import { hash } from 'node:crypto'

export interface Script {
  readonly text: string
  readonly sha: string
}

const PRELUDE = `
local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
local function expiry_of(value)
  return (struct.unpack('>I8', value))
end
-- Whoever has read the rows under the name that this gives them need not read them again. The time is in it because a server that has lost its
-- last writes would count to the same number once more.
local function rows_changed()
  local t = redis.call('TIME')
  redis.call('HSET', 'flk:meta', 'rows', redis.call('HINCRBY', 'flk:meta', 'changes', 1) .. '@' .. t[1] .. '.' .. t[2])
end
local function packed_slots(text)
  local slots = {}
  for i = 1, #text, 2 do slots[#slots + 1] = (struct.unpack('>H', text, i)) end
  return slots
end
`

export function script(...parts: string[]): Script {
  const text = PRELUDE + parts.join('')
  return { text, sha: hash('sha1', text, 'hex') }
}

/** ARGV: packed records. Answers epoch and, for each put that did not write, its index, 'e' or 'n', and the record or the row. */
export const PUT = script(`
local puts = ARGV[1]
local now = now_ms()
local rows, captures = {}, {}
local out, n = {}, 0
local pos, index = 1, 0
while pos <= #puts do
  local size = struct.unpack('>H', puts, pos)
  local key = string.sub(puts, pos + 2, pos + 33)
  local value = string.sub(puts, pos + 34, pos + 41 + size)
  pos = pos + 42 + size
  local b1, b2 = string.byte(key, 1, 2)
  local slot = b1 * 64 + math.floor(b2 / 4)
  local row = rows[slot]
  if row == nil then
    row = redis.call('HGET', 'flk:slots', slot) or ''
    rows[slot] = row
  end
  local role = string.byte(row)
  if role == 111 or role == 99 then
    local data = 'flk:d:' .. slot
    local written = redis.call('HSETNX', data, key, value) == 1
    if not written then
      local there = redis.call('HGET', data, key)
      if expiry_of(there) > now then
        out[n + 1], out[n + 2], out[n + 3] = index, 'e', string.sub(there, 9)
        n = n + 3
      else
        redis.call('HSET', data, key, value)
        written = true
      end
    end
    if written and role == 99 then
      local migration = string.match(row, ' (%S+)$')
      local seq = redis.call('HINCRBY', 'flk:meta', 'seq', 1)
      if redis.call('RPUSH', 'flk:q:' .. slot, struct.pack('>I8I8', seq, now) .. key .. value) == 1 then
        redis.call('ZADD', 'flk:dirty:' .. migration, now, slot)
      end
      captures[migration] = (captures[migration] or 0) + 1
    end
  else
    out[n + 1], out[n + 2], out[n + 3] = index, 'n', row
    n = n + 3
  end
  index = index + 1
end
for migration, count in pairs(captures) do redis.call('HINCRBY', 'flk:backlog', migration, count) end
return {tonumber(redis.call('HGET', 'flk:meta', 'epoch') or 0), out}
`)

/** ARGV: keys, one after the other. Answers a record or nil for each. */
export const GET = script(`
local now, out = now_ms(), {}
for i = 1, #ARGV[1], 32 do
  local key = string.sub(ARGV[1], i, i + 31)
  local b1, b2 = string.byte(key, 1, 2)
  local value = redis.call('HGET', 'flk:d:' .. (b1 * 64 + math.floor(b2 / 4)), key)
  out[#out + 1] = value and expiry_of(value) > now and string.sub(value, 9) or false
end
return out
`)

/** ARGV: slot, now of the caller, limit, HSCAN cursor. Answers the next cursor and how many were deleted. */
export const SWEEP = script(`
local data, limit = 'flk:d:' .. ARGV[1], tonumber(ARGV[3])
local before = math.min(tonumber(ARGV[2]), now_ms())
local page = redis.call('HSCAN', data, ARGV[4], 'COUNT', 500)
local expired = {}
for i = 1, #page[2], 2 do
  if #expired < limit and expiry_of(page[2][i + 1]) < before then expired[#expired + 1] = page[2][i] end
end
for i = 1, #expired, 4000 do redis.call('HDEL', data, unpack(expired, i, math.min(i + 3999, #expired))) end
return {page[1], #expired}
`)
