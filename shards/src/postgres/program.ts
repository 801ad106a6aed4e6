/**
 * The schema of a PostgreSQL shard and the functions of its data plane. A slot is a range of the primary key, so no column says it.
 *
 * Two advisory locks keep order. PUTS: each batch of puts holds it shared; who changes ownership or capture takes it exclusively just
 * before committing, so that no put that saw the old rows is still under way afterwards, and every later one sees the new. The lock is
 * taken by a statement of its own: the statement that reads ownership must take its snapshot when the lock is held already (I1).
 * CONTROL: control calls hold it exclusively, copies shared; puts never meet it.
 */
import { hash } from 'node:crypto'
import { RECORD_FUNCTIONS } from './program-records.ts'

/** The first number of all our advisory locks ("flk"). */
const LOCKS = 0x666c6b
export const PUTS_LOCK = `${LOCKS}, 1`
export const CONTROL_LOCK = `${LOCKS}, 2`
/** Serialises the making of the schema. */
export const SCHEMA_LOCK = `${LOCKS}, 3`

const TABLES = `
create schema if not exists flk;

create table if not exists flk.decision (
  key bytea not null,
  expires_at_ms bigint not null,
  record bytea not null,
  constraint decision_key primary key (key)
);

-- The authority on ownership (I1); columns as in SlotRow, peer = capture.to, from or to.
create table if not exists flk.slot (
  slot int primary key check (slot between 0 and 16383),
  role text not null check (role in ('owned', 'importing', 'released')),
  generation int,
  peer text,
  migration text,
  copy text check (copy in ('pending', 'copied', 'verified'))
) with (fillfactor = 50);

-- What puts look at, derived from flk.slot by flk.refresh_ownership: a bit for each slot, in one row that is read as it lies (no TOAST).
create table if not exists flk.ownership (
  one boolean primary key default true check (one),
  epoch bigint not null default 0,
  owned bit(16384) not null default repeat('0', 16384)::bit(16384),
  captured bit(16384) not null default repeat('0', 16384)::bit(16384),
  any_captured boolean not null default false
);
alter table flk.ownership alter column owned set storage plain, alter column captured set storage plain;
insert into flk.ownership default values on conflict do nothing;

create table if not exists flk.captured (
  id bigint generated always as identity primary key,
  slot int not null,
  captured_at_ms bigint not null,
  key bytea not null,
  expires_at_ms bigint not null,
  record bytea not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
create index if not exists captured_slot on flk.captured (slot);

create table if not exists flk.meta (
  one boolean primary key default true check (one),
  fleet_id text,
  initial_owners text[] not null default '{}',
  ready boolean not null default false,
  fence bigint not null default 0,
  lease_generation bigint,
  lease_holder text,
  lease_until_ms bigint
);
insert into flk.meta default values on conflict do nothing;

create table if not exists flk.migration (
  id text primary key,
  document text not null
);
`

const KEY_FUNCTIONS = `
create or replace function flk.now_ms() returns bigint language sql volatile as $$
  select floor(extract(epoch from clock_timestamp()) * 1000)::bigint
$$;

create or replace function flk.slot_of(key bytea) returns int language sql immutable as $$
  select (get_byte(key, 0) << 6) | (get_byte(key, 1) >> 2)
$$;

-- Where the keys of a slot begin; of the slot past the last: past all keys. Two bytes are enough, since a prefix sorts before what it begins.
create or replace function flk.slot_start(slot int) returns bytea language sql immutable as $$
  select case when slot < 16384 then substr(int4send(slot << 2), 3, 2) else decode(repeat('ff', 33), 'hex') end
$$;
`

/**
 * keys: 32 bytes each; record n is records[ends[n] .. ends[n + 1]]. Answers the epoch in the first row, then a row for each put that did not write: 'exists' with the
 * record, or 'foreign' with the hint.
 *
 * The usual batch is all new, and costs one insert beside the two statements before it. Which of a mixed batch are ours is told by
 * xmin, the transaction that wrote the row.
 */
const PUT_FUNCTION = `
create or replace function flk.put(keys bytea, expiries bigint[], records bytea, ends int[])
returns table (epoch bigint, n int, kind text, record bytea, owner text, generation int) language plpgsql volatile as $$
#variable_conflict use_column
declare
  v_now bigint;
  v_map flk.ownership;
  v_written bigint;
  v_foreign int[];
  v_lost int[];
  v_live int[];
  v_records bytea[];
  v_rounds int := 0;
begin
  perform pg_advisory_xact_lock_shared(${PUTS_LOCK});
  select * into v_map from flk.ownership;
  v_now := flk.now_ms();

  -- In the order of the keys: two batches that share keys cannot wait for each other in a circle.
  if v_map.any_captured then
    with written as (
      insert into flk.decision (key, expires_at_ms, record)
      select p.key, expiries[p.i], substr(records, ends[p.i] + 1, ends[p.i + 1] - ends[p.i])
      from (select i, substr(keys, i * 32 - 31, 32) as key from generate_series(1, cardinality(expiries)) as i offset 0) p
      where get_bit(v_map.owned, flk.slot_of(p.key)) = 1
      order by p.key, p.i
      on conflict (key) do nothing
      returning key, expires_at_ms, record
    ), captured as (
      insert into flk.captured (slot, captured_at_ms, key, expires_at_ms, record)
      select flk.slot_of(w.key), v_now, w.key, w.expires_at_ms, w.record from written w where get_bit(v_map.captured, flk.slot_of(w.key)) = 1
    )
    select count(*) into v_written from written;
  else
    insert into flk.decision (key, expires_at_ms, record)
    select p.key, expiries[p.i], substr(records, ends[p.i] + 1, ends[p.i + 1] - ends[p.i])
    from (select i, substr(keys, i * 32 - 31, 32) as key from generate_series(1, cardinality(expiries)) as i offset 0) p
    where get_bit(v_map.owned, flk.slot_of(p.key)) = 1
    order by p.key, p.i
    on conflict (key) do nothing;
    get diagnostics v_written = row_count;
  end if;

  return query select v_map.epoch, null::int, null::text, null::bytea, null::text, null::int;
  if v_written = cardinality(expiries) then return; end if;

  select array_agg(p.i) filter (where not p.owned), array_agg(p.i) filter (where p.owned and not (p.mine and p.first))
  into v_foreign, v_lost
  from (
    select q.i, get_bit(v_map.owned, flk.slot_of(q.key)) = 1 as owned, row_number() over (partition by q.key order by q.i) = 1 as first,
      coalesce((select d.xmin = pg_current_xact_id_if_assigned()::xid from flk.decision d where d.key = q.key), false) as mine
    from (select i, substr(keys, i * 32 - 31, 32) as key from generate_series(1, cardinality(expiries)) as i offset 0) q
  ) p;

  if v_foreign is not null then
    return query
      select null::bigint, f.n, 'foreign', null::bytea, s.peer, s.generation
      from unnest(v_foreign) as f (n) left join flk.slot s on s.slot = flk.slot_of(substr(keys, f.n * 32 - 31, 32));
  end if;

  -- A record that is there may have expired, or be swept between two statements: rare, so it may take rounds.
  while v_lost is not null loop
    v_rounds := v_rounds + 1;
    if v_rounds > 20 then raise exception 'flk.put: % keys keep changing', cardinality(v_lost); end if;
    select array_agg(l.n) filter (where d.key is not null), array_agg(d.record) filter (where d.key is not null), array_agg(l.n) filter (where d.key is null)
    into v_live, v_records, v_lost
    from unnest(v_lost) as l (n)
    left join lateral (select * from flk.decision d where d.key = substr(keys, l.n * 32 - 31, 32) and d.expires_at_ms > v_now offset 0) d on true;
    if v_live is not null then
      return query select null::bigint, e.n, 'exists', e.record, null::text, null::int from unnest(v_live, v_records) as e (n, record);
    end if;
    exit when v_lost is null;
    with again as (
      select distinct on (key) n, key, expiry, record
      from (
        select l.n, substr(keys, l.n * 32 - 31, 32) as key, expiries[l.n] as expiry, substr(records, ends[l.n] + 1, ends[l.n + 1] - ends[l.n]) as record
        from unnest(v_lost) as l (n)
      ) lost
      order by key, n
    ), succeeded as (
      insert into flk.decision as d (key, expires_at_ms, record)
      select key, expiry, record from again order by key
      on conflict (key) do update set expires_at_ms = excluded.expires_at_ms, record = excluded.record where d.expires_at_ms <= v_now
      returning d.key
    ), captured as (
      insert into flk.captured (slot, captured_at_ms, key, expires_at_ms, record)
      select flk.slot_of(a.key), v_now, a.key, a.expiry, a.record
      from again a join succeeded using (key) where get_bit(v_map.captured, flk.slot_of(a.key)) = 1
    )
    select array_agg(l.n) into v_lost
    from unnest(v_lost) as l (n)
    where l.n not in (select a.n from again a join succeeded using (key));
  end loop;
end
$$;

-- Sets the bits of these slots from their rows. Called under CONTROL by whoever changed the rows, in the same transaction.
create or replace function flk.refresh_ownership(slots int[], epochs int) returns void language plpgsql volatile as $$
declare
  v_map flk.ownership;
  v_row record;
begin
  select * into v_map from flk.ownership;
  for v_row in
    select u.slot, coalesce(s.role = 'owned', false)::int as owned, coalesce(s.role = 'owned' and s.peer is not null, false)::int as captured
    from unnest(slots) as u (slot) left join flk.slot s on s.slot = u.slot
  loop
    v_map.owned := set_bit(v_map.owned, v_row.slot, v_row.owned);
    v_map.captured := set_bit(v_map.captured, v_row.slot, v_row.captured);
  end loop;
  update flk.ownership o
  set epoch = o.epoch + epochs, owned = v_map.owned, captured = v_map.captured, any_captured = position(B'1' in v_map.captured) > 0;
end
$$;
`

const READ_FUNCTIONS = `
create or replace function flk.get(keys bytea) returns table (n int, record bytea) language sql volatile as $$
  select i, d.record
  from generate_series(1, length(keys) / 32) as i
  join flk.decision d on d.key = substr(keys, i * 32 - 31, 32) and d.expires_at_ms > flk.now_ms()
$$;

create or replace function flk.sweep(slot int, before_ms bigint, most int) returns bigint language sql volatile as $$
  with expired as (
    select key from flk.decision
    where key >= flk.slot_start(slot) and key < flk.slot_start(slot + 1) and expires_at_ms < least(before_ms, flk.now_ms())
    limit most for update skip locked
  ), deleted as (
    delete from flk.decision d using expired where d.key = expired.key returning 1
  )
  select count(*) from deleted
$$;
`

const PROGRAM = TABLES + KEY_FUNCTIONS + PUT_FUNCTION + READ_FUNCTIONS + RECORD_FUNCTIONS

/** Names this version of the program; kept as the schema's comment. */
export const PROGRAM_VERSION = hash('sha256', PROGRAM, 'hex').slice(0, 16)

/** Makes the schema, or brings it up to date, in one transaction. Safe to repeat; takes SCHEMA_LOCK. */
export const INSTALL_PROGRAM = `
begin;
select pg_advisory_xact_lock(${SCHEMA_LOCK}), pg_advisory_xact_lock(${CONTROL_LOCK});
${PROGRAM}
select flk.refresh_ownership(array(select slot from flk.slot), 0);
comment on schema flk is 'fractal-lba shard, program ${PROGRAM_VERSION}';
commit;
`
