/** Leases in memory, for simulations: the same compare-and-swap as the API server's. */
import { ApiError } from '../client/api-error.ts'
import { holderOf, type Lease } from '../leader/lease-record.ts'
import type { LeaseStore } from '../leader/lease-store.ts'

export class MemoryLeaseStore implements LeaseStore {
  #lease: Lease | undefined
  #version = 0
  readonly #waiting = new Set<() => void>()

  get lease(): Lease | undefined {
    return this.#lease
  }

  /** As someone with kubectl does. */
  remove(): void {
    this.#lease = undefined
    this.#announce()
  }

  async read(): Promise<Lease | undefined> {
    return this.#lease
  }

  async create(lease: Lease): Promise<Lease> {
    if (this.#lease) throw new ApiError('create', 409, 'AlreadyExists', 'there is one')
    return this.#store(lease, `uid-${this.#version}`)
  }

  async replace(lease: Lease): Promise<Lease> {
    if (!this.#lease) throw new ApiError('replace', 404, 'NotFound', 'there is none')
    const { resourceVersion, uid } = this.#lease.metadata
    if (lease.metadata.resourceVersion !== resourceVersion) throw new ApiError('replace', 409, 'Conflict', 'it has changed')
    return this.#store(lease, uid as string)
  }

  async freed(_lease: Lease, signal: AbortSignal): Promise<void> {
    while (this.#lease && holderOf(this.#lease) !== '') {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.add(resolve)
        signal.addEventListener('abort', () => {
          this.#waiting.delete(resolve)
          reject(signal.reason)
        })
      })
    }
  }

  #store(lease: Lease, uid: string): Lease {
    this.#lease = { ...lease, metadata: { ...lease.metadata, uid, resourceVersion: String(++this.#version) } }
    this.#announce()
    return this.#lease
  }

  #announce(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}
