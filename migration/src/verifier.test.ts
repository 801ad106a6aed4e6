/** The verifier is itself verified: each way in which a copy can be wrong is put in by hand, and has to be found. */
import { generateKeyPairSync } from 'node:crypto'
import type { MemoryServer } from '@fractal-lba/shards/memory/server'
import { describe, expect, it } from 'vitest'
import { checkSignature, keyIdOf } from './certificate/certificate.ts'
import { checkAgainstShards } from './certificate/check-certificate.ts'
import { certificateText, parseCertificate } from './certificate/read-certificate.ts'
import type { Intent } from './decide.ts'
import type { MigrationEngine } from './engine.ts'
import type { Progress } from './progress.ts'
import { memoryMigration } from './testing/memory-migration.ts'

const upTo = (milestone: (Intent & { kind: 'run' })['upTo']): Intent => ({ kind: 'run', upTo: milestone, cutoverPercent: 100 })

async function reach(engine: MigrationEngine, intent: Intent): Promise<Progress> {
  for (;;) {
    const progress = await engine.step(intent, 1000)
    if (progress.blocked) throw new Error(progress.blocked.message)
    if (progress.reached) return progress
  }
}

type Records = ReturnType<MemoryServer['recordsOf']>
const first = (records: Records) => [...records][0]!

const CORRUPTIONS: readonly (readonly [string, (records: Records) => void])[] = [
  ['a dropped key', (records) => records.delete(first(records)[0])],
  [
    'a changed record',
    (records) => {
      const [name, record] = first(records)
      records.set(name, { ...record, record: Buffer.from('another') })
    },
  ],
  [
    'a shifted expiry',
    (records) => {
      const [name, record] = first(records)
      records.set(name, { ...record, expiresAtMs: record.expiresAtMs + 1 })
    },
  ],
  [
    'an extra key',
    (records) => {
      const [, record] = first(records)
      const key = Buffer.from(record.key)
      key[31] = 0xff
      records.set(key.toString('latin1'), { ...record, key })
    },
  ],
]

describe('a certificate', () => {
  it('is issued when both sides meet, names what is in it, and holds against the shards', async () => {
    const migration = await memoryMigration()
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const engine = await migration.open({ signer: { key: privateKey, keyId: keyIdOf(privateKey) } })
    expect(await reach(engine, upTo('cleaned'))).toMatchObject({ phase: 'Completed' })
    const [certificate] = migration.certificates
    const read = parseCertificate(certificateText(certificate!))
    expect(checkSignature(read, publicKey)).toBe('valid')
    expect(checkSignature(read, generateKeyPairSync('ed25519').publicKey)).toBe('invalid')
    expect(read.content.slots.length).toBeGreaterThan(10)
    expect(read.content.slots.every(({ before, after }) => before.count === 5 && before.digest === after.digest)).toBe(true)
    const check = await checkAgainstShards(read.content, migration.controls)
    expect(check).toEqual({ unchanged: read.content.slots.length, grown: 0, movedOn: 0, problems: [] })
  })

  it('is not taken for one when a letter of it was changed', async () => {
    const migration = await memoryMigration()
    const engine = await migration.open()
    await reach(engine, upTo('certified'))
    const text = certificateText(migration.certificates[0]!)
    expect(() => parseCertificate(text.replace('"count":5', '"count":6'))).toThrow(/its content is not what it was issued with/)
    expect(() => parseCertificate('{}')).toThrow(/not a migration certificate/)
  })

  it.each(CORRUPTIONS)('is refused for %s at the new owner', async (_what, corrupt) => {
    const migration = await memoryMigration()
    const engine = await migration.open()
    await reach(engine, upTo('cut-over'))
    const { slot, target } = migration.moving
    corrupt(migration.servers.get(target)!.recordsOf(slot))
    await expect(reach(engine, upTo('cleaned'))).rejects.toThrow(new RegExp(`slot ${slot}: .*no certificate`))
    expect(migration.certificates).toEqual([])
  })

  it.each(CORRUPTIONS)('is refused for %s at the side that keeps the way back', async (_what, corrupt) => {
    const migration = await memoryMigration()
    const engine = await migration.open()
    await reach(engine, upTo('cut-over'))
    const { slot, source } = migration.moving
    corrupt(migration.servers.get(source)!.recordsOf(slot))
    await expect(reach(engine, upTo('cleaned'))).rejects.toThrow(new RegExp(`slot ${slot}: .*no certificate`))
  })

  it.each(CORRUPTIONS.filter(([what]) => what !== 'an extra key'))('no longer holds once there is %s', async (_what, corrupt) => {
    const migration = await memoryMigration()
    const engine = await migration.open()
    await reach(engine, upTo('cleaned'))
    const { slot, target } = migration.moving
    corrupt(migration.servers.get(target)!.recordsOf(slot))
    const { problems } = await checkAgainstShards(migration.certificates[0]!.content, migration.controls)
    expect(problems.map((problem) => problem.slot)).toEqual([slot])
  })
})

describe('the comparison before the cutover', () => {
  it('copies a key again that is missing at the target, and counts it', async () => {
    const migration = await memoryMigration()
    const engine = await migration.open()
    await reach(engine, upTo('copied'))
    const { slot, source, target } = migration.moving
    const records = migration.servers.get(target)!.recordsOf(slot)
    records.delete(first(records)[0])
    expect(await reach(engine, upTo('verified'))).toMatchObject({ repaired: 1 })
    expect([...records.keys()].sort()).toEqual([...migration.servers.get(source)!.recordsOf(slot).keys()].sort())
  })

  it.each(CORRUPTIONS.filter(([what]) => what !== 'a dropped key'))(
    'stops the migration for %s at the target',
    async (_what, corrupt) => {
      const migration = await memoryMigration()
      const engine = await migration.open()
      await reach(engine, upTo('copied'))
      const { slot, target } = migration.moving
      corrupt(migration.servers.get(target)!.recordsOf(slot))
      await expect(reach(engine, upTo('verified'))).rejects.toThrow(/something else writes into slots that are being moved/)
    },
  )
})
