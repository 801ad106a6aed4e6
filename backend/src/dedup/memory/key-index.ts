/**
 * Finds a key's ref: open addressing with linear probing, in 2048 tables of their own so that growing one is short (under a
 * millisecond at five million keys) and the whole grows smoothly. A tag byte of the key stands beside each ref, so that a probe goes to
 * the arena only for a key that is most likely the one. Keys are hashes already: their own bytes place them.
 */
import type { Arena } from './arena.ts'

const TABLES = 2048
const FIRST_CAPACITY = 16
/** Share of a table that may be in use, tombstones included; a higher one makes the search for an absent key long. */
const MAX_LOAD = 0.8
/** Share of live keys from which on a full table grows; below it, dropping the tombstones makes room enough. */
const GROWTH_LOAD = 0.6
const EMPTY = 0
const TOMBSTONE = 1
const FIRST_TAG = 2

interface Table {
  readonly refs: Uint32Array
  readonly tags: Uint8Array
  live: number
  tombstones: number
}

export class KeyIndex {
  readonly #arena: Arena
  readonly #tables: (Table | undefined)[] = new Array<Table | undefined>(TABLES).fill(undefined)
  #size = 0

  constructor(arena: Arena) {
    this.#arena = arena
  }

  get size(): number {
    return this.#size
  }

  get(key: Buffer): number | undefined {
    const table = this.#tables[tableOf(key)]
    if (table === undefined) return undefined
    const at = this.#find(table, key)
    return at === -1 ? undefined : table.refs[at]
  }

  /** Adds a key that is absent. */
  add(key: Buffer, ref: number): void {
    const number = tableOf(key)
    let table = this.#tables[number]
    if (table === undefined || table.live + table.tombstones >= MAX_LOAD * table.refs.length) {
      table = this.#rebuilt(table)
      this.#tables[number] = table
    }
    insert(table, key, ref)
    this.#size++
  }

  /** Points a key that is present elsewhere. */
  replace(key: Buffer, ref: number): void {
    const table = this.#tables[tableOf(key)] as Table
    table.refs[this.#find(table, key)] = ref
  }

  /** Removes `key` if it points to `ref` still. */
  removeIfAt(key: Buffer, ref: number): void {
    const table = this.#tables[tableOf(key)]
    if (table === undefined) return
    const at = this.#find(table, key)
    if (at === -1 || table.refs[at] !== ref) return
    table.tags[at] = TOMBSTONE
    table.live--
    table.tombstones++
    this.#size--
  }

  #find(table: Table, key: Buffer): number {
    const mask = table.refs.length - 1
    const tag = tagOf(key)
    for (let at = bucketOf(key) & mask; ; at = (at + 1) & mask) {
      const found = table.tags[at]
      if (found === EMPTY) return -1
      if (found === tag && this.#arena.hasKey(table.refs[at] as number, key)) return at
    }
  }

  /** A table without tombstones, twice as large where most of `table` is live. */
  #rebuilt(table: Table | undefined): Table {
    if (table === undefined) return emptyTable(FIRST_CAPACITY)
    const grows = table.live >= GROWTH_LOAD * table.refs.length
    const rebuilt = emptyTable(grows ? 2 * table.refs.length : table.refs.length)
    for (let at = 0; at < table.tags.length; at++) {
      if ((table.tags[at] as number) < FIRST_TAG) continue
      const ref = table.refs[at] as number
      insert(rebuilt, this.#arena.keyAt(ref), ref)
    }
    return rebuilt
  }
}

function emptyTable(capacity: number): Table {
  const memory = new ArrayBuffer(capacity * 5)
  return { refs: new Uint32Array(memory, 0, capacity), tags: new Uint8Array(memory, 4 * capacity), live: 0, tombstones: 0 }
}

function insert(table: Table, key: Buffer, ref: number): void {
  const mask = table.refs.length - 1
  let at = bucketOf(key) & mask
  while ((table.tags[at] as number) >= FIRST_TAG) at = (at + 1) & mask
  if (table.tags[at] === TOMBSTONE) table.tombstones--
  table.tags[at] = tagOf(key)
  table.refs[at] = ref
  table.live++
}

// The first two bytes are the slot; the ones behind them place a key here, so that one slot's keys spread over all tables.

function tableOf(key: Buffer): number {
  return ((key[2] as number) << 3) | ((key[3] as number) >> 5)
}

function bucketOf(key: Buffer): number {
  return key.readUInt32LE(4)
}

function tagOf(key: Buffer): number {
  const byte = key[8] as number
  return byte < FIRST_TAG ? byte + FIRST_TAG : byte
}
