/**
 * Signed summaries for clients to submit, made once a process: keys that share slots, so that a run can do with few slots, each with several
 * contents under one `pcs_id`, so that some submissions contradict others.
 */
import { pcsIdOf } from '@fractal-lba/protocol/pcs/identity'
import type { Pcs } from '@fractal-lba/protocol/pcs/schema'
import { budgetOf, regimeOf, theilSen } from '@fractal-lba/protocol/pcs/signals'
import { dedupKey, type SlotId, slotOfKey } from '@fractal-lba/protocol/ring/slots'
import { HmacKey } from '@fractal-lba/protocol/signing/hmac-key'
import { signHmac } from '@fractal-lba/protocol/signing/sign'

export const TENANT = 'default'
export const SECRET = 'simulated'
export const CONTENTS = 3

/** About six a slot, so that there are new keys throughout a run: what nobody writes to, no migration can lose. */
const CANDIDATES = 100_000
const KEYS_A_SLOT = 3
const SCALES = [2, 4, 8, 16]

export interface Subject {
  readonly number: number
  readonly pcsId: string
  readonly key: Buffer
  readonly slot: SlotId
}

let bySlot: readonly (readonly Subject[])[] | undefined
const bodies = new Map<number, Buffer>()
const hmac = new HmacKey(SECRET)

/** Subjects by slot, of slots that have several. */
export function subjectsBySlot(): readonly (readonly Subject[])[] {
  bySlot ??= makeSubjects()
  return bySlot
}

/** One of the contents of a subject, signed; each has an answer of its own. */
export function bodyOf({ number, pcsId }: Subject, content: number): Buffer {
  const id = number * CONTENTS + content
  const known = bodies.get(id)
  if (known) return known
  const counts = SCALES.map((scale) => scale + content)
  const dHat = theilSen(SCALES, counts)
  const fields: Pcs = {
    pcs_id: pcsId,
    schema: 'fractal-lba-kakeya',
    version: '0.1',
    shard_id: 'stream',
    epoch: number,
    scales: SCALES,
    N_j: Object.fromEntries(SCALES.map((scale, index) => [scale, counts[index] as number])),
    coh_star: 0.5,
    D_hat: dHat,
    r: 0.5,
    regime: regimeOf(dHat, 0.5),
    budget: budgetOf(dHat, 0.5, 0.5),
    merkle_root: merkleRootOf(number),
  }
  const body = Buffer.from(JSON.stringify({ ...fields, sig: signHmac(hmac, fields) }))
  bodies.set(id, body)
  return body
}

function makeSubjects(): readonly (readonly Subject[])[] {
  const slots = new Map<SlotId, Subject[]>()
  for (let number = 1; number <= CANDIDATES; number++) {
    const pcsId = pcsIdOf(merkleRootOf(number), number, 'stream')
    const key = dedupKey(TENANT, pcsId)
    const subject = { number, pcsId, key, slot: slotOfKey(key) }
    const known = slots.get(subject.slot)
    if (known) known.push(subject)
    else slots.set(subject.slot, [subject])
  }
  return [...slots.values()].filter((subjects) => subjects.length >= KEYS_A_SLOT)
}

function merkleRootOf(number: number): string {
  return number.toString(16).padStart(64, '0')
}
