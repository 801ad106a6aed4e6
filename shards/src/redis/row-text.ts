/**
 * A slot's row as the text that stands in `flk:slots`. The put script looks at its first letter alone: `o` is owned, `c` owned and
 * captured. Fields are parted by spaces, which shard and migration ids cannot hold.
 *
 *   owned GENERATION | capturing GENERATION TO MIGRATION | importing COPY FROM MIGRATION | released GENERATION TO [MIGRATION]
 */
import type { Generation, SlotId } from '@fractal-lba/protocol/ring/slots'
import type { MigrationId, ShardId, SlotRow } from '../port.ts'

export function rowToText(row: SlotRow | undefined): string {
  if (!row) return ''
  switch (row.role) {
    case 'owned':
      return row.capture ? `capturing ${row.generation} ${row.capture.to} ${row.capture.migration}` : `owned ${row.generation}`
    case 'importing':
      return `importing ${row.copy} ${row.from} ${row.migration}`
    case 'released':
      return `released ${row.generation} ${row.to}${row.migration === undefined ? '' : ` ${row.migration}`}`
  }
}

export function rowFromText(slot: SlotId, text: string): SlotRow | undefined {
  const [word, first, shard, migration] = text.split(' ')
  const generation = Number(first) as Generation
  switch (word) {
    case '':
      return undefined
    case 'owned':
      return { slot, role: 'owned', generation, capture: undefined }
    case 'capturing':
      return { slot, role: 'owned', generation, capture: { to: shard as ShardId, migration: migration as MigrationId } }
    case 'importing':
      return {
        slot,
        role: 'importing',
        copy: first as 'pending' | 'copied' | 'verified',
        from: shard as ShardId,
        migration: migration as MigrationId,
      }
    case 'released':
      return { slot, role: 'released', generation, to: shard as ShardId, migration: migration as MigrationId | undefined }
    default:
      throw new Error(`slot ${slot} has a row that this version does not know: ${text}`)
  }
}
