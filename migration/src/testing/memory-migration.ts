/** A small migration over shards in this process, in real time, with the insides of the shards at hand. */
import { placeSlots } from '@fractal-lba/protocol/ring/ring'
import { SLOT_COUNT, type SlotId } from '@fractal-lba/protocol/ring/slots'
import { MemoryShardData } from '@fractal-lba/shards/memory/data'
import { MemoryOwnership } from '@fractal-lba/shards/memory/ownership'
import { MemoryRecords } from '@fractal-lba/shards/memory/records'
import { MemoryServer } from '@fractal-lba/shards/memory/server'
import type { MigrationId, ShardControl, ShardId } from '@fractal-lba/shards/port'
import { StoredShardControl } from '@fractal-lba/shards/shard-control'
import type { Certificate } from '../certificate/certificate.ts'
import { type EngineOptions, MigrationEngine } from '../engine.ts'

const VNODES = 20
const DAY_MS = 86_400_000
const KEYS_PER_SLOT = 5

export interface MemoryMigration {
  readonly servers: ReadonlyMap<ShardId, MemoryServer>
  readonly controls: Map<ShardId, ShardControl>
  /** A slot that goes from `source` to `target`. */
  readonly moving: { readonly slot: SlotId; readonly source: ShardId; readonly target: ShardId }
  readonly certificates: Certificate[]
  open(options?: Partial<EngineOptions>): Promise<MigrationEngine>
}

export async function memoryMigration(): Promise<MemoryMigration> {
  const ids = ['a:1', 'b:1', 'c:1'] as ShardId[]
  const slots = Array.from({ length: 40 }, (_, index) => Math.floor((index * SLOT_COUNT) / 40) as SlotId)
  const servers = new Map(ids.map((id) => [id, new MemoryServer(id, Date.now)]))
  const controls = new Map(
    [...servers].map(([id, server]) => {
      const parts = { ownership: new MemoryOwnership(server), records: new MemoryRecords(server), close: async () => undefined }
      return [id, new StoredShardControl(id, 'memory', parts) as ShardControl]
    }),
  )
  const source = ids[0]!
  await controls.get(source)!.initialise({ id: 'fleet', initialOwners: [source] }, slots)
  await controls.get(source)!.markFleetReady()
  await fill(servers.get(source)!, slots)
  const placement = placeSlots(ids, VNODES)
  const slot = slots.find((candidate) => ids[placement[candidate]!] !== source)!
  const certificates: Certificate[] = []
  return {
    servers,
    controls,
    moving: { slot, source, target: ids[placement[slot]!]! },
    certificates,
    open: (options) =>
      MigrationEngine.open({
        controls,
        spec: { id: 'm' as MigrationId, from: [source], to: ids, vnodes: VNODES, universe: slots },
        holder: `test-${Math.random()}`,
        takeOver: true,
        settings: { soakMs: 0, settleMs: 0 },
        onCertificate: async (certificate) => void certificates.push(certificate),
        ...options,
      }),
  }
}

async function fill(server: MemoryServer, slots: readonly SlotId[]): Promise<void> {
  const data = new MemoryShardData(server)
  for (const slot of slots) {
    const puts = Array.from({ length: KEYS_PER_SLOT }, (_, index) => {
      const key = Buffer.alloc(32, index)
      key.writeUInt16BE(slot << 2, 0)
      return { key, slot, record: Buffer.from(`record ${slot}/${index}`), expiresAtMs: Date.now() + 14 * DAY_MS }
    })
    await data.put(puts)
  }
}
