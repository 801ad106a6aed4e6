import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeEntry,
  decodeHeader,
  decodeSettlements,
  encodeEntry,
  encodeHeader,
  encodeSettlement,
  entryBytes,
  FRAME_HEADER_BYTES,
  settlementBytes,
} from './format.ts'
import { Group } from './group.ts'
import type { Settlement } from './port.ts'

/** The segment that docs/wal-format.md shows byte by byte. */
function exampleSegment(): Buffer {
  const header = { pod: 'verifier-0', segment: 59_837_494, previousBytes: 4096, createdAtMs: 1_795_526_400_000 }
  const encoded = encodeHeader(header)
  const group = new Group<undefined>({ header, headerChecksum: encoded.readUInt32LE(encoded.length - 4) }, 0, Buffer.alloc(512))
  group.addHeader()
  group.addEntry({ tenant: 'acme', body: Buffer.from('{"pcs_id":"…"}'), receivedAtMs: 1_795_526_400_250, context: undefined })
  const { position } = group.entries[0]!
  group.addSettlements([{ position, result: 'won', key: Buffer.alloc(32, 0xab), record: undefined }], 0)
  return group.buffer.subarray(0, group.usedBytes)
}

describe('format', () => {
  it('is what docs/wal-format.md shows', async () => {
    const page = await readFile(new URL('../../../docs/wal-format.md', import.meta.url), 'utf8')
    const example = /```hex\n([\s\S]*?)```/.exec(page)?.[1] ?? ''
    const bytes = example.split('\n').map((line) => line.split('|')[0]!.replace(/^\s*\d+:/, ''))
    expect(bytes.join('').replace(/\s/g, '')).toBe(exampleSegment().toString('hex'))
  })

  it('reads back any entry', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 40 }),
        fc.uint8Array({ maxLength: 2000 }),
        fc.nat(2 ** 31),
        (tenant, body, at) => {
          const buffer = Buffer.alloc(entryBytes(tenant, body))
          const bytes = encodeEntry(buffer, 0, at, tenant, body)
          expect(decodeEntry(buffer.subarray(0, bytes))).toEqual({
            tenant: tenant.toWellFormed(),
            receivedAtMs: at,
            body: Buffer.from(body),
          })
        },
      ),
    )
  })

  it('reads back any settlements, and nothing from bytes that are cut', () => {
    const bytes = (minLength: number, maxLength: number) =>
      fc.option(
        fc.uint8Array({ minLength, maxLength }).map((array) => Buffer.from(array)),
        { nil: undefined },
      )
    const settlement: fc.Arbitrary<Settlement> = fc.record({
      position: fc.record({ segment: fc.nat(2 ** 32 - 1), offset: fc.nat(2 ** 32 - 1) }),
      result: fc.constantFrom('won', 'lost', 'equivocation', 'refused'),
      key: bytes(32, 32),
      record: bytes(1, 300),
    })
    fc.assert(
      fc.property(fc.array(settlement, { minLength: 1, maxLength: 20 }), (settlements) => {
        const buffer = Buffer.alloc(settlements.reduce((sum, each) => sum + settlementBytes(each), 0))
        let at = 0
        for (const each of settlements) at += encodeSettlement(buffer, at, each)
        expect(at).toBe(buffer.length)
        expect(decodeSettlements(buffer)).toEqual(settlements)
        expect(decodeSettlements(buffer.subarray(0, -1))).toBeUndefined()
      }),
    )
  })

  it('refuses a header of another version, by its number', () => {
    const header = encodeHeader({ pod: 'p', segment: 1, previousBytes: 0, createdAtMs: 0 })
    expect(decodeHeader(header)).toMatchObject({ pod: 'p', segment: 1, bytes: header.length })
    header[8] = 9
    expect(decodeHeader(header)).toBe('has a header whose checksum is wrong')
    expect(decodeHeader(Buffer.alloc(100))).toBe('does not begin with the mark of a WAL segment')
    expect(() => encodeHeader({ pod: '', segment: 1, previousBytes: 0, createdAtMs: 0 })).toThrow(RangeError)
    expect(FRAME_HEADER_BYTES).toBe(13)
  })
})
