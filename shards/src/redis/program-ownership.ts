/** The scripts that change who owns what. What is legal was judged by slot-rules.ts; these write only if what was judged still stands. */
import { script } from './program.ts'

/** Answers `{'fenced', seen}` unless \`generation\` may act; a higher one becomes the fence. */
export const FENCE = `
local function fenced(generation)
  local seen = tonumber(redis.call('HGET', 'flk:meta', 'fence') or 0)
  if generation < seen then return {'fenced', seen} end
  -- Written even when equal: WAIT then has a write of this connection to wait for.
  redis.call('HSET', 'flk:meta', 'fence', generation)
  return nil
end
`

const ROWS = `
-- Calls f with chunks of slots, small enough for unpack.
local function in_chunks(slots, f)
  for i = 1, #slots, 2000 do f(i, math.min(i + 1999, #slots)) end
end
local function rows_stand(group)
  local stand = true
  in_chunks(group.slots, function(i, j)
    if not stand then return end
    local now = redis.call('HMGET', 'flk:slots', unpack(group.slots, i, j))
    for k = 1, #now do
      if (now[k] or '') ~= group.before then stand = false end
    end
  end)
  return stand
end
local function write_rows(group)
  if #group.slots > 0 then rows_changed() end
  in_chunks(group.slots, function(i, j)
    if group.after == '' then
      redis.call('HDEL', 'flk:slots', unpack(group.slots, i, j))
    else
      local args = {}
      for k = i, j do
        args[#args + 1] = group.slots[k]
        args[#args + 1] = group.after
      end
      redis.call('HSET', 'flk:slots', unpack(args))
    end
  end)
end
-- The first of the slots that has a key with this prefix.
local function first_existing(prefix, slots)
  local found = nil
  in_chunks(slots, function(i, j)
    if found then return end
    local keys = {}
    for k = i, j do keys[#keys + 1] = prefix .. slots[k] end
    if redis.call('EXISTS', unpack(keys)) == 0 then return end
    for k = i, j do
      if not found and redis.call('EXISTS', prefix .. slots[k]) == 1 then found = slots[k] end
    end
  end)
  return found
end
local function drop_queue(slot, migration)
  local count = redis.call('LLEN', 'flk:q:' .. slot)
  if count > 0 then
    redis.call('DEL', 'flk:q:' .. slot)
    redis.call('ZREM', 'flk:dirty:' .. migration, slot)
    redis.call('HINCRBY', 'flk:backlog', migration, -count)
  end
end
`

/**
 * ARGV: JSON {fence?, fields: [{field, before, after}], groups: [{before, after, slots}], empty: slots that must hold no records, idle: slots
 * with no queue, drop: [{slots, migration}] queues to drop, epoch: 0 or 1}. Answers {'ok'}, {'fenced', seen}, {'raced'} or {'records' | 'queued', slot}.
 */
export const CHANGE = script(
  FENCE,
  ROWS,
  `
local change = cjson.decode(ARGV[1])
if change.fence then
  local refusal = fenced(change.fence)
  if refusal then return refusal end
end
for _, field in ipairs(change.fields) do
  if (redis.call('HGET', 'flk:meta', field.field) or '') ~= field.before then return {'raced'} end
end
for _, group in ipairs(change.groups) do
  if not rows_stand(group) then return {'raced'} end
end
local holding = first_existing('flk:d:', change.empty)
if holding then return {'records', holding} end
local queued = first_existing('flk:q:', change.idle)
if queued then return {'queued', queued} end
for _, field in ipairs(change.fields) do redis.call('HSET', 'flk:meta', field.field, field.after) end
for _, group in ipairs(change.groups) do write_rows(group) end
for _, queues in ipairs(change.drop) do
  for _, slot in ipairs(queues.slots) do drop_queue(slot, queues.migration) end
end
if change.epoch > 0 then redis.call('HINCRBY', 'flk:meta', 'epoch', change.epoch) end
return {'ok'}
`,
)

/**
 * ARGV: JSON {fence, groups, limit}. Deletes records of the slots while their rows stand, and sets \`after\` on each that holds none. Answers {'ok', deleted, 1 when
 * all are empty} or a refusal as above.
 */
export const DISCARD = script(
  FENCE,
  ROWS,
  `
local change = cjson.decode(ARGV[1])
local refusal = fenced(change.fence)
if refusal then return refusal end
for _, group in ipairs(change.groups) do
  if not rows_stand(group) then return {'raced'} end
  local queued = first_existing('flk:q:', group.slots)
  if queued then return {'queued', queued} end
end
local left = change.limit
for _, group in ipairs(change.groups) do
  local emptied = {}
  for _, slot in ipairs(group.slots) do
    local data = 'flk:d:' .. slot
    local count = redis.call('HLEN', data)
    if count > 0 and count <= left then
      -- Unlinked: the memory is freed by another thread.
      redis.call('UNLINK', data)
      left, count = left - count, 0
    elseif count > 0 and left > 0 then
      local page = redis.call('HRANDFIELD', data, math.min(left, 5000))
      for i = 1, #page, 4000 do redis.call('HDEL', data, unpack(page, i, math.min(i + 3999, #page))) end
      left, count = left - #page, count - #page
    end
    if count == 0 then emptied[#emptied + 1] = slot end
    if count > 0 and left <= 0 then
      write_rows({slots = emptied, after = group.after})
      return {'ok', change.limit - left, 0}
    end
  end
  if group.before ~= group.after then write_rows({slots = emptied, after = group.after}) end
end
local done = 1
for _, group in ipairs(change.groups) do
  if first_existing('flk:d:', group.slots) then done = 0 end
end
return {'ok', change.limit - left, done}
`,
)

/** ARGV: fence, migration, document. */
export const PUT_MIGRATION = script(
  FENCE,
  `
local refusal = fenced(tonumber(ARGV[1]))
if refusal then return refusal end
redis.call('HSET', 'flk:migrations', ARGV[2], ARGV[3])
return {'ok'}
`,
)
