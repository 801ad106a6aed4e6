/**
 * The scripts that move and compare whole slots. Records cross the network as blobs made here and taken apart here; the client never
 * touches a single key. Digests are computed from the stored hashes, by none of the code that copies.
 *
 * A payload is a row of frames, one for each slot (payload.ts): its records as a MessagePack array key, value, key, value..., or its whole hash as DUMP
 * gives it. Dumps cost both servers a third of the time, mostly because Lua then makes no string of each key.
 */
import { CLOCK_TOLERANCE_MS } from '../port.ts'
import { script } from './program.ts'
import { FENCE } from './program-ownership.ts'

const ROW_FIELDS = `
-- The migration on whose behalf a slot's queue is kept.
local function capture_owner(slot)
  local row = redis.call('HGET', 'flk:slots', slot) or ''
  local role = string.byte(row)
  if role == 99 then return string.match(row, ' (%S+)$') end
  if role == 114 then return string.match(row, '^released %S+ %S+ (%S+)$') end
  return nil
end
`

/**
 * What the next batch of an export holds. ARGV: packed slots, most keys, HSCAN cursor inside the first slot or ''. Answers keys, the slots to be dumped whole (packed),
 * how many slots are wholly exported, the records of a part of the first slot or '', and the cursor behind that part or ''. A cursor
 * means something to one run of the server only, so it names the run.
 */
export const PLAN_EXPORT = script(`
local slots, most, within = packed_slots(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local whole, keys, done = {}, 0, 0
local function part_of(slot, cursor)
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
  local made_by, from = string.match(cursor, '^(%x+):(%d+)$')
  if made_by ~= run then from = '0' end
  local page = redis.call('HSCAN', 'flk:d:' .. slot, from, 'COUNT', most)
  local ended = page[1] == '0'
  return {#page[2] / 2, '', ended and 1 or 0, cmsgpack.pack(page[2]), ended and '' or run .. ':' .. page[1]}
end
if within ~= '' then return part_of(slots[1], within) end
for i = 1, #slots do
  local count = redis.call('HLEN', 'flk:d:' .. slots[i])
  if i == 1 and count > most then return part_of(slots[1], '') end
  if count > 0 and keys + count > most then break end
  if count > 0 then whole[#whole + 1] = struct.pack('>H', slots[i]) end
  keys = keys + count
  done = i
end
return {keys, table.concat(whole), done, '', ''}
`)

/** ARGV: slot. Answers its records, for servers whose dumps others may not be able to read. */
export const EXPORT_RECORDS = script(`
return cmsgpack.pack(redis.call('HGETALL', 'flk:d:' .. ARGV[1]))
`)

/** ARGV: fence, migration, payload, packed slots to mark as copied. Answers {'ok', added, already there, conflicting keys}, {'fenced', seen} or {'illegal', slot, row}. */
export const APPLY = script(
  FENCE,
  `
local refusal = fenced(tonumber(ARGV[1]))
if refusal then return refusal end
local migration, payload = ARGV[2], ARGV[3]
local now = now_ms()
local function illegal_row(slot)
  local row = redis.call('HGET', 'flk:slots', slot) or ''
  local role = string.byte(row)
  if (role == 105 or role == 114) and string.match(row, '^%S+ %S+ %S+ (%S+)$') == migration then return nil, row end
  return {'illegal', slot, row}, row
end
local frames, rows = {}, {}
local pos = 1
while pos <= #payload do
  local kind, slot, size = struct.unpack('>BHI4', payload, pos)
  local illegal, row = illegal_row(slot)
  if illegal then return illegal end
  frames[#frames + 1] = {kind, slot, string.sub(payload, pos + 7, pos + 6 + size)}
  pos = pos + 7 + size
end
local completes = packed_slots(ARGV[4])
for _, slot in ipairs(completes) do
  local illegal, row = illegal_row(slot)
  if illegal then return illegal end
  rows[slot] = row
end
local added, already, conflicts, torn = 0, 0, {}, {}
local function write(data, records)
  for i = 1, #records, 4000 do
    added = added + redis.call('HSET', data, unpack(records, i, math.min(i + 3999, #records)))
  end
end
local function merge(slot, data, records)
  for first = 1, #records, 4000 do
    local last = math.min(first + 3999, #records)
    local keys, fresh = {}, {}
    for i = first, last, 2 do keys[#keys + 1] = records[i] end
    local there = redis.call('HMGET', data, unpack(keys))
    for k = 1, #keys do
      local ours, theirs = records[first + 2 * k - 1], there[k]
      if not theirs then
        fresh[#fresh + 1] = keys[k]
        fresh[#fresh + 1] = ours
      elseif theirs == ours then
        already = already + 1
      else
        local our_end, their_end = expiry_of(ours), expiry_of(theirs)
        if math.min(our_end, their_end) > now + ${CLOCK_TOLERANCE_MS} or our_end == their_end then
          torn[slot] = true
          if #conflicts < 100 then conflicts[#conflicts + 1] = keys[k] end
        elseif our_end > their_end then
          redis.call('HSET', data, keys[k], ours)
          added = added + 1
        else
          already = already + 1
        end
      end
    end
    if #fresh > 0 then added = added + redis.call('HSET', data, unpack(fresh)) end
  end
end
for _, frame in ipairs(frames) do
  local kind, slot, content = frame[1], frame[2], frame[3]
  local data = 'flk:d:' .. slot
  local fresh = redis.call('EXISTS', data) == 0
  if kind == 100 and fresh then
    redis.call('RESTORE', data, 0, content)
    added = added + redis.call('HLEN', data)
  else
    local records
    if kind == 100 then
      redis.call('RESTORE', 'flk:incoming', 0, content, 'REPLACE')
      records = redis.call('HGETALL', 'flk:incoming')
      redis.call('DEL', 'flk:incoming')
    else
      records = cmsgpack.unpack(content)
    end
    if fresh then write(data, records) else merge(slot, data, records) end
  end
end
local marked = false
for _, slot in ipairs(completes) do
  if not torn[slot] and string.sub(rows[slot], 1, 18) == 'importing pending ' then
    redis.call('HSET', 'flk:slots', slot, 'importing copied ' .. string.sub(rows[slot], 19))
    marked = true
  end
end
if marked then rows_changed() end
return {'ok', added, already, conflicts}
`,
)

/**
 * ARGV: migration, packed slots, most keys. Answers the records of each slot, keys, slots (packed), and for each slot the sequence number of its last record
 * read; nothing is removed.
 */
export const READ_CAPTURED = script(
  ROW_FIELDS,
  `
local migration, most = ARGV[1], tonumber(ARGV[3])
local wanted = {}
for _, slot in ipairs(packed_slots(ARGV[2])) do wanted[slot] = true end
local parts, touched, seqs, keys = {}, {}, {}, 0
for _, name in ipairs(redis.call('ZRANGE', 'flk:dirty:' .. migration, 0, -1)) do
  local slot = tonumber(name)
  if wanted[slot] then
    local entries = redis.call('LRANGE', 'flk:q:' .. slot, 0, most - keys - 1)
    local records = {}
    for i = 1, #entries do
      records[2 * i - 1] = string.sub(entries[i], 17, 48)
      records[2 * i] = string.sub(entries[i], 49)
    end
    parts[#parts + 1] = cmsgpack.pack(records)
    touched[#touched + 1] = struct.pack('>H', slot)
    seqs[#seqs + 1] = (struct.unpack('>I8', entries[#entries]))
    keys = keys + #entries
    if keys >= most then break end
  end
end
return {parts, keys, table.concat(touched), seqs}
`,
)

/** ARGV: fence, migration, then slot and sequence number in turn. Removes what was read, however often it is repeated. */
export const DROP_CAPTURED = script(
  FENCE,
  `
local refusal = fenced(tonumber(ARGV[1]))
if refusal then return refusal end
local migration, dropped = ARGV[2], 0
for i = 3, #ARGV, 2 do
  local slot, upto = ARGV[i], tonumber(ARGV[i + 1])
  local queue = 'flk:q:' .. slot
  local head = redis.call('LINDEX', queue, 0)
  local before = dropped
  while head and (struct.unpack('>I8', head)) <= upto do
    redis.call('LPOP', queue)
    dropped = dropped + 1
    head = redis.call('LINDEX', queue, 0)
  end
  if not head then
    redis.call('ZREM', 'flk:dirty:' .. migration, slot)
  elseif dropped > before then
    redis.call('ZADD', 'flk:dirty:' .. migration, (struct.unpack('>I8', head, 9)), slot)
  end
end
if dropped > 0 then redis.call('HINCRBY', 'flk:backlog', migration, -dropped) end
return {'ok'}
`,
)

/** ARGV: migration. Answers keys and age of the oldest. */
export const BACKLOG = script(`
local oldest = redis.call('ZRANGE', 'flk:dirty:' .. ARGV[1], 0, 0, 'WITHSCORES')
local keys = tonumber(redis.call('HGET', 'flk:backlog', ARGV[1]) or 0)
return {keys, oldest[2] and math.max(0, now_ms() - tonumber(oldest[2])) or 0}
`)

/**
 * ARGV: packed slots, alive at, migration or ''. Answers count and digest of each slot: the SHA-1 of each record, summed in three lanes of 52 bits (exact in
 * doubles), so that the order is of no consequence and what is queued can be subtracted.
 */
export const DIGEST = script(
  ROW_FIELDS,
  `
local alive, migration = tonumber(ARGV[2]), ARGV[3]
local LANE = 4503599627370496
local out = {}
for _, slot in ipairs(packed_slots(ARGV[1])) do
  local a, b, c, count = 0, 0, 0, 0
  local function add(key, value, sign)
    if expiry_of(value) <= alive then return end
    local h = redis.sha1hex(key .. value)
    a = (a + sign * tonumber(string.sub(h, 1, 13), 16)) % LANE
    b = (b + sign * tonumber(string.sub(h, 14, 26), 16)) % LANE
    c = (c + sign * tonumber(string.sub(h, 27, 39), 16)) % LANE
    count = count + sign
  end
  local records = redis.call('HGETALL', 'flk:d:' .. slot)
  for i = 1, #records, 2 do add(records[i], records[i + 1], 1) end
  if migration ~= '' and capture_owner(slot) == migration then
    for _, entry in ipairs(redis.call('LRANGE', 'flk:q:' .. slot, 0, -1)) do add(string.sub(entry, 17, 48), string.sub(entry, 49), -1) end
  end
  out[#out + 1] = count
  out[#out + 1] = string.format('%07x%06x%07x%06x%07x%06x', math.floor(a / 16777216), a % 16777216, math.floor(b / 16777216), b % 16777216, math.floor(c / 16777216), c % 16777216)
end
return out
`,
)

/** ARGV: slot, alive at. Answers key, SHA-1 in turn. */
export const LIST = script(`
local out = {}
local records = redis.call('HGETALL', 'flk:d:' .. ARGV[1])
for i = 1, #records, 2 do
  if expiry_of(records[i + 1]) > tonumber(ARGV[2]) then
    out[#out + 1] = records[i]
    out[#out + 1] = redis.sha1hex(records[i] .. records[i + 1])
  end
end
return out
`)

/** ARGV: packed slots. Answers their keys, and the bytes of a sample of values with the size of the sample. */
export const MEASURE = script(`
local keys, bytes, sample = 0, 0, 0
for _, slot in ipairs(packed_slots(ARGV[1])) do
  local data = 'flk:d:' .. slot
  local count = redis.call('HLEN', data)
  keys = keys + count
  if count > 0 and sample < 64 then
    local some = redis.call('HRANDFIELD', data, 4, 'WITHVALUES')
    for i = 1, #some, 2 do
      bytes = bytes + #some[i] + #some[i + 1]
      sample = sample + 1
    end
  end
end
return {keys, bytes, sample}
`)
