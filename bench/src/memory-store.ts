/** What a record costs in the memory store, and whether looking one up stays as fast when there are many. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Section } from './measure.ts'

const FEW = 10_000
const MANY = 5_000_000

async function load(records: number): Promise<{ bytesPerRecord: number; lookupNs: number }> {
  // A small young generation: what the loader itself throws away must not count as the store's.
  const args = ['--expose-gc', '--max-semi-space-size=2', join(import.meta.dirname, 'memory-store-load.ts'), `${records}`]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  return JSON.parse(stdout)
}

export async function benchMemoryStore(say: (line: string) => void): Promise<Section> {
  say(`memory store: ${FEW}, then ${MANY} records ...`)
  const few = await load(FEW)
  const many = await load(MANY)
  return {
    title: 'Memory store',
    figures: [
      {
        name: 'resident bytes a record, 5 million records',
        value: many.bytesPerRecord,
        unit: 'bytes',
        ceiling: { name: 'budget', value: 128 },
        wanted: { atMost: 1 },
      },
      {
        name: 'lookup among 5 million',
        value: many.lookupNs,
        unit: 'ns',
        ceiling: { name: 'among 10 thousand', value: few.lookupNs },
        wanted: { atMost: 2 },
        note: 'what is left is the processor cache: 10 thousand records fit in it',
      },
    ],
  }
}
