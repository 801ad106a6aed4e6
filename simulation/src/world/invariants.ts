/**
 * What must hold of the shards after every turn (I1 to I4), and of all that was decided at the end; read from the shards' insides. Only
 * slots that something has touched since the last check are looked at.
 */
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import type { MemoryServer } from '@fractal-lba/shards/memory/server'
import type { Put, ShardId } from '@fractal-lba/shards/port'

export interface Decided {
  readonly slot: SlotId
  readonly record: Buffer
  readonly expiresAtMs: number
}

export interface InvariantParts {
  readonly servers: readonly MemoryServer[]
  readonly slots: readonly SlotId[]
  /** Of the simulation. */
  readonly now: () => number
  /** How wrong a shard's clock can be: a record that expires within this time may be gone at one of them. */
  readonly toleranceMs: number
}

export class Invariants {
  readonly #parts: InvariantParts
  readonly #byId: ReadonlyMap<ShardId, MemoryServer>
  /** What the fleet has promised: every record that any shard has accepted, by key, of each slot; the newest where one expired. */
  readonly #decided = new Map<SlotId, Map<string, Decided>>()
  readonly #owners = new Map<SlotId, ShardId>()
  #touched = new Set<SlotId>()

  constructor(parts: InvariantParts) {
    this.#parts = parts
    this.#byId = new Map(parts.servers.map((server) => [server.id, server]))
  }

  /** @throws Error where a live decision for the key is known: it would have two. */
  decided({ key, slot, record, expiresAtMs }: Put): void {
    const name = key.toString('latin1')
    const ofSlot = this.#ofSlot(slot)
    const before = ofSlot.get(name)
    if (before && this.#lives(before)) throw new Error(`once: key ${short(name)} of slot ${slot} was decided twice`)
    ofSlot.set(name, { slot, record: Buffer.from(record), expiresAtMs })
  }

  /** The newest decision about a key. */
  decisionOf(slot: SlotId, key: string): Decided | undefined {
    return this.#decided.get(slot)?.get(key)
  }

  touched(slots: readonly SlotId[] | undefined): void {
    for (const slot of slots ?? this.#parts.slots) this.#touched.add(slot)
  }

  /** @throws Error naming the invariant. */
  check(): void {
    if (this.#touched.size === 0) return
    const touched = this.#touched
    this.#touched = new Set()
    for (const slot of touched) this.#checkSlot(slot)
  }

  #checkSlot(slot: SlotId): void {
    let owner: MemoryServer | undefined
    for (const server of this.#parts.servers) {
      if (server.rows.get(slot)?.role !== 'owned') continue
      if (owner) throw new Error(`I1: slot ${slot} is owned by ${owner.id} and ${server.id}`)
      owner = server
    }
    if (!owner) return
    if (this.#owners.get(slot) !== owner.id) {
      this.#owners.set(slot, owner.id)
      const newOwner = owner
      this.#mustHoldAll(`I4: ${owner.id} owns slot ${slot}`, slot, (key) => holds(newOwner, slot, key))
    }
    this.#checkMirror(slot, owner)
  }

  /** The other side of a captured slot has every record, or the log does. */
  #checkMirror(slot: SlotId, owner: MemoryServer): void {
    const row = owner.rows.get(slot)
    if (row?.role !== 'owned' || !row.capture) return
    const mirror = this.#byId.get(row.capture.to)
    const mirrorRow = mirror?.rows.get(slot)
    const verified = mirrorRow?.role === 'importing' && mirrorRow.copy === 'verified'
    const inStep = mirrorRow?.role === 'released' || verified || (mirrorRow?.role === 'importing' && mirrorRow.copy === 'copied')
    if (!mirror || !inStep) return
    const queued = new Set(owner.queueOf(slot).map(({ key }) => key.toString('latin1')))
    this.#mustHoldAll(
      `${verified ? 'I3' : 'I2'}: slot ${slot} is captured at ${owner.id} for ${mirror.id}`,
      slot,
      (key) => queued.has(key) || holds(mirror, slot, key),
    )
  }

  #mustHoldAll(what: string, slot: SlotId, present: (key: string) => boolean): void {
    for (const [key, decided] of this.#decided.get(slot) ?? []) {
      if (!this.#lives(decided) || present(key)) continue
      throw new Error(`${what}, but key ${short(key)} is missing`)
    }
  }

  /** The end: each slot is where it shall be, each live decision at its owner and nowhere else, exactly as it was made. */
  checkEnd(ownerOf: (slot: SlotId) => ShardId | undefined): void {
    const { servers, slots } = this.#parts
    for (const slot of slots) {
      const owner = servers.find((server) => server.rows.get(slot)?.role === 'owned')
      if (owner?.id !== ownerOf(slot)) throw new Error(`owner: slot ${slot} is owned by ${owner?.id}, not by ${ownerOf(slot)}`)
      for (const [key, decided] of this.#decided.get(slot) ?? [])
        if (this.#lives(decided)) this.#checkRecord(slot, key, decided, owner)
      for (const server of servers) {
        if (server.queueOf(slot).length > 0) throw new Error(`orphan: slot ${slot}: ${server.id} still has captured records`)
        if (server !== owner && server.recordsOf(slot).size > 0)
          throw new Error(`orphan: slot ${slot}: records are left at ${server.id}; ${owner?.id} is its owner`)
      }
    }
  }

  /** After sweeps at every owner: nothing that has expired is left anywhere. */
  checkSwept(): void {
    for (const server of this.#parts.servers)
      for (const slot of this.#parts.slots)
        for (const [key, { expiresAtMs }] of server.recordsOf(slot))
          if (expiresAtMs + this.#parts.toleranceMs < this.#parts.now())
            throw new Error(`kept: slot ${slot}: ${server.id} holds key ${short(key)} beyond its expiry`)
  }

  #checkRecord(slot: SlotId, key: string, { record }: Decided, owner: MemoryServer | undefined): void {
    const there = owner?.recordsOf(slot).get(key)
    if (!there) throw new Error(`lost: slot ${slot}: the record of key ${short(key)} is not at the owner`)
    if (!there.record.equals(record))
      throw new Error(`changed: slot ${slot}: ${owner?.id} holds another record of key ${short(key)} than was decided`)
  }

  #ofSlot(slot: SlotId): Map<string, Decided> {
    const known = this.#decided.get(slot)
    if (known) return known
    const made = new Map<string, Decided>()
    this.#decided.set(slot, made)
    return made
  }

  #lives({ expiresAtMs }: Decided): boolean {
    return expiresAtMs > this.#parts.now() + this.#parts.toleranceMs
  }
}

function holds(server: MemoryServer, slot: SlotId, key: string): boolean {
  return server.recordsOf(slot).has(key)
}

function short(key: string): string {
  return Buffer.from(key, 'latin1').toString('hex').slice(0, 12)
}
