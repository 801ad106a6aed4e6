/** A thread that lives one seed after the other, as it is told. */
import { parentPort, workerData } from 'node:worker_threads'
import { variantOf } from '../mutants/all.ts'
import { live } from './life.ts'

const { mutant } = workerData as LifeThreadData
const variant = variantOf(mutant)

export interface LifeThreadData {
  /** Whose bug is in it; undefined: ours. */
  readonly mutant: string | undefined
}

parentPort?.on('message', async (seed: number) => {
  parentPort?.postMessage(await live(seed, { variant }))
})
