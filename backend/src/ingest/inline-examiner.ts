/** Examines on the calling thread. For machines with one CPU, and where nothing is to be gained by another thread. */
import type { Authenticator } from '../verify/authenticate.ts'
import { examine } from './examine.ts'
import type { Examined } from './examined.ts'
import type { Examiner, Exhibit } from './examiner.ts'

export class InlineExaminer implements Examiner {
  readonly #pod: string
  readonly #authenticator: Authenticator

  constructor(pod: string, authenticator: Authenticator) {
    this.#pod = pod
    this.#authenticator = authenticator
  }

  async examine(batch: readonly Exhibit[]): Promise<readonly Examined[]> {
    return batch.map((exhibit) => examine(exhibit, this.#pod, this.#authenticator))
  }

  async close(): Promise<void> {}
}
