/** Makes the traces of a run in which all went well, on disk and in real shards, for tests that then break one of them. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { openWal } from '@fractal-lba/backend/wal/open'
import { signerOf } from '@fractal-lba/client'
import { judge } from '@fractal-lba/protocol/pcs/verdict'
import { encodeRecord } from '@fractal-lba/protocol/records/record'
import { SLOT_COUNT, type SlotId, slotOfKey } from '@fractal-lba/protocol/ring/slots'
import { parseShardList } from '@fractal-lba/shards/address'
import { openShardControl, openShardData } from '@fractal-lba/shards/open'
import { loadFlights } from '../../agents/dataset.ts'
import { Journal } from '../../agents/journal.ts'
import { Submissions } from '../../agents/submissions.ts'
import { summariesOf } from '../../agents/windows.ts'

const TENANT = 'acme'
const POD = 'pod-1'
const KEYS = 12
const flights = loadFlights()
const DAY_MS = 86_400_000

export interface SoundRun {
  readonly journals: string
  readonly shards: readonly string[]
  readonly wals: readonly string[]
  /** Hex. */
  readonly keys: readonly string[]
}

/** @param shards two fresh ones; each is made the owner of every other slot. @param forget a key (by index) whose win is not settled */
export async function soundRun(dir: string, shards: readonly string[], forget?: number): Promise<SoundRun> {
  const addresses = parseShardList(shards)
  const data = addresses.map((address) => openShardData(address))
  const fleet = { id: 'audited', initialOwners: addresses.map(({ id }) => id) }
  for (const [i, address] of addresses.entries()) {
    const control = openShardControl(address)
    const owned = Array.from({ length: SLOT_COUNT }, (_, slot) => slot as SlotId).filter((slot) => slot % addresses.length === i)
    await control.initialise(fleet, owned)
    await control.markFleetReady()
    await control.close()
  }
  const [journals, wal] = [join(dir, 'journals'), join(dir, 'wal')]
  await mkdir(journals, { recursive: true })
  const journal = new Journal(join(journals, 'agent-1.jsonl'))
  const sign = signerOf('hmac', 'secret')
  const durable = Promise.withResolvers<void>()
  const submissions = new Submissions(
    TENANT,
    summariesOf(flights, { index: 0, of: 1 }, () => new Date(0)),
    () => 0,
  )
  const all = Array.from({ length: KEYS }, () => submissions.takeNew())
  const positions: { segment: number; offset: number }[] = []
  const opened = await openWal<undefined>({
    dir: wal,
    pod: POD,
    segmentBytes: 1_000_000,
    clock: {
      nowMs: () => Date.now(),
      after: (ms, act) => clearTimeout.bind(undefined, setTimeout(act, ms)),
      soon: setImmediate,
    },
    onDurable: (batch) => {
      positions.push(...batch.map(({ position }) => position))
      if (positions.length === KEYS) durable.resolve()
    },
    onRefused: () => durable.reject(new Error('the log took nothing')),
    onFailed: durable.reject,
  })
  for (const { pcs } of all)
    opened.wal.append({ tenant: TENANT, body: Buffer.from(JSON.stringify(sign(pcs))), receivedAtMs: 1, context: undefined })
  await durable.promise
  for (const [i, { key: hex, content, pcs }] of all.entries()) {
    const judged = judge(pcs)
    if (judged.kind !== 'decided') throw new Error(`the summary is invalid: ${judged.field} ${judged.reason}`)
    const { verdict, reason, recomputedDHat, recomputedBudget } = judged
    const key = Buffer.from(hex, 'hex')
    const expiresAtMs = Date.now() + DAY_MS
    const position = positions[i] as (typeof positions)[number]
    const contentHash = Buffer.from(content, 'hex')
    const record = encodeRecord({
      verdict,
      reason,
      recomputedDHat,
      recomputedBudget,
      contentHash,
      origin: { pod: POD, ...position },
      decidedAtMs: 1,
      expiresAtMs,
    })
    const slot = slotOfKey(key)
    const { outcomes } = await (data[slot % data.length] as (typeof data)[number]).put(
      [{ key, slot, record, expiresAtMs }],
      Date.now() + 5000,
    )
    if (outcomes[0]?.kind !== 'written') throw new Error(`the record was not written: ${outcomes[0]?.kind}`)
    if (i !== forget) opened.wal.settle([{ position, result: 'won', key, record: undefined }])
    journal.note({ t: 'sent', key: hex, tenant: TENANT, pcs: pcs.pcs_id, content })
    const answer = {
      accepted: verdict !== 'disputed',
      escalated: verdict !== 'accepted',
      dHat: recomputedDHat,
      budget: recomputedBudget,
      reason,
    }
    journal.note({ t: 'answer', key: hex, pod: POD, content, ...answer })
  }
  journal.close()
  await opened.wal.close()
  await Promise.all(data.map((shard) => shard.close()))
  return { journals, shards, wals: [wal], keys: all.map(({ key }) => key) }
}
