/** A thread that lives one life after the other, as it is told. */
import { parentPort } from 'node:worker_threads'
import { variantOf } from '../mutants/all.ts'
import { live } from './life.ts'

export interface Order {
  readonly seed: number
  /** Whose bug is in it; undefined: ours. */
  readonly mutant?: string | undefined
}

parentPort?.on('message', async ({ seed, mutant }: Order) => {
  parentPort?.postMessage(await live(seed, { variant: variantOf(mutant) }))
})
