/** The functions that move and compare whole slots inside PostgreSQL. Digests are aggregates over the table: none of the code that copies. */
import { CLOCK_TOLERANCE_MS } from '../port.ts'

/**
 * What stands against applying to these slots: the fence as it was seen, or the first slot that is not importing or released for the
 * migration. No row: nothing does. Called when CONTROL is held, by a statement of its own.
 */
const MAY_APPLY = `
create or replace function flk.against_apply(call_generation bigint, call_migration text, slots int[])
returns table (seen bigint, bad_slot int) language sql volatile as $$
  select m.fence, null::int from flk.meta m where m.fence <> call_generation
  union all
  (select null, u.slot
   from unnest(slots) as u (slot) left join flk.slot s on s.slot = u.slot
   where s.role is distinct from 'importing' and s.role is distinct from 'released' or s.migration is distinct from call_migration
   limit 1)
$$;
`

/**
 * Merges what lies in the caller's temporary table flk_incoming. Two different records of one key: of two of which one expires about now, the later
 * is the successor; else it is a conflict, and nothing is overwritten.
 */
const MERGE = `
create or replace function flk.merge_incoming() returns table (added bigint, already_there bigint, conflicts bytea[], torn int[]) language plpgsql volatile as $$
#variable_conflict use_column
declare
  v_total bigint;
  v_added bigint;
  v_differing bigint := 0;
  v_conflicts bytea[] := '{}';
  v_torn int[] := '{}';
  v_row record;
begin
  select count(*) into v_total from flk_incoming;
  insert into flk.decision select i.key, i.expires_at_ms, i.record from flk_incoming i order by i.key on conflict (key) do nothing;
  get diagnostics v_added = row_count;
  for v_row in
    select i.key, i.expires_at_ms as ours, d.expires_at_ms as theirs, i.record
    from flk_incoming i join flk.decision d using (key)
    where d.expires_at_ms <> i.expires_at_ms or d.record <> i.record
  loop
    if v_row.ours = v_row.theirs or least(v_row.ours, v_row.theirs) > flk.now_ms() + ${CLOCK_TOLERANCE_MS} then
      v_differing := v_differing + 1;
      if not flk.slot_of(v_row.key) = any (v_torn) then v_torn := v_torn || flk.slot_of(v_row.key); end if;
      if cardinality(v_conflicts) < 100 then v_conflicts := v_conflicts || v_row.key; end if;
    elsif v_row.ours > v_row.theirs then
      update flk.decision d set expires_at_ms = v_row.ours, record = v_row.record where d.key = v_row.key;
      v_added := v_added + 1;
    end if;
  end loop;
  return query select v_added, v_total - v_added - v_differing, v_conflicts, v_torn;
end
$$;

create or replace function flk.mark_copied(slots int[]) returns void language sql volatile as $$
  update flk.slot s set copy = 'copied' where s.slot = any (slots) and s.role = 'importing' and s.copy = 'pending'
$$;
`

/** XOR of the SHA-256 of each record: free of order, and what is queued can be taken out by the same operation. */
const DIGEST = `
create or replace function flk.record_hash(key bytea, expires_at_ms bigint, record bytea) returns bit(256) language sql immutable as $$
  select ('x' || encode(sha256(key || int8send(expires_at_ms) || record), 'hex'))::bit(256)
$$;

-- One statement, hence one snapshot: the records and the queue are of the same instant. Each range is read in the order in which its rows lie: in
-- the order of their keys each row would be somewhere else in memory, which costs more than its hash.
create or replace function flk.digest(slots int[], alive_at_ms bigint, without_migration text)
returns table (slot int, count bigint, digest text) language sql volatile
set enable_bitmapscan = on set enable_indexscan = off as $$
  with held as (
    select flk.slot_of(d.key) as slot, count(*) as count, bit_xor(flk.record_hash(d.key, d.expires_at_ms, d.record)) as digest
    from flk.runs(slots) run cross join lateral (
      select * from flk.decision d
      where d.key >= flk.slot_start(run.first) and d.key < flk.slot_start(run.past) and d.expires_at_ms > alive_at_ms
      offset 0
    ) d
    group by 1
  ), queued as (
    select s.slot, count(*) as count, bit_xor(flk.record_hash(c.key, c.expires_at_ms, c.record)) as digest
    from flk.slot s join flk.captured c on c.slot = s.slot
    where s.slot = any (slots) and s.migration = without_migration and s.role in ('owned', 'released') and c.expires_at_ms > alive_at_ms
    group by s.slot
  )
  select u.slot, coalesce(h.count, 0) - coalesce(q.count, 0), (coalesce(h.digest, 0::bit(256)) # coalesce(q.digest, 0::bit(256)))::text
  from unnest(slots) as u (slot) left join held h on h.slot = u.slot left join queued q on q.slot = u.slot
$$;
`

/** Deletes up to `most` records of slots. Called when CONTROL is held and none of the slots is owned. */
const DISCARD = `
-- By the places of the rows: looking up each key once more would cost as much again as deleting it.
create or replace function flk.discard(slots int[], most int) returns bigint language sql volatile as $$
  with deleted as (
    delete from flk.decision where ctid = any (array(
      select d.place
      from flk.runs(slots) run cross join lateral (
        select d.ctid as place from flk.decision d where d.key >= flk.slot_start(run.first) and d.key < flk.slot_start(run.past) limit most
      ) d
      limit most
    ))
    returning 1
  )
  select count(*) from deleted
$$;

-- Those of the slots that hold records.
create or replace function flk.holding(slots int[]) returns setof int language sql volatile as $$
  select u.slot from unnest(slots) as u (slot)
  where exists (select from flk.decision d where d.key >= flk.slot_start(u.slot) and d.key < flk.slot_start(u.slot + 1))
$$;
`

/** Slots that follow each other are one range of keys. */
const RUNS = `
create or replace function flk.runs(slots int[]) returns table (first int, past int) language sql immutable as $$
  select min(u.slot), max(u.slot) + 1
  from (select n.slot, n.slot - row_number() over (order by n.slot) as begun from (select distinct unnest(slots) as slot) n) u
  group by u.begun
$$;
`

export const RECORD_FUNCTIONS = RUNS + MAY_APPLY + MERGE + DIGEST + DISCARD
