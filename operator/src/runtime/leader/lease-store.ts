/**
 * Where the Lease is kept. `replace` is a compare-and-swap on its resource version: the one thing the election rests on.
 */
import type { KubeClient } from '../client/kube-client.ts'
import { holderOf, LEASE, type Lease } from './lease-record.ts'

export interface LeaseStore {
  /** @returns undefined where there is none. */
  read(signal: AbortSignal): Promise<Lease | undefined>
  /** @throws ApiError 409 where there is one already. */
  create(lease: Lease, signal: AbortSignal): Promise<Lease>
  /** @throws ApiError 409 unless `metadata.resourceVersion` is the present one, 404 where it is gone. */
  replace(lease: Lease, signal: AbortSignal): Promise<Lease>
  /** Resolves when nobody holds the Lease any more, as a change after `lease` says. Rejects where that cannot be told. */
  freed(lease: Lease, signal: AbortSignal): Promise<void>
}

/** Longest time that a standby watches in one go. */
const WATCH_SECONDS = 60

export function kubeLeaseStore(client: KubeClient, namespace: string, name: string): LeaseStore {
  return {
    read: (signal) => client.get(LEASE, { namespace, name }, { signal }),
    create: (lease, signal) => client.create(LEASE, lease, { signal }),
    replace: (lease, signal) => client.replace(LEASE, lease, { signal }),
    async freed(lease, signal) {
      const events = client.watch(LEASE, {
        namespace,
        fieldSelector: `metadata.name=${name}`,
        resourceVersion: lease.metadata.resourceVersion ?? '0',
        timeoutSeconds: WATCH_SECONDS,
        signal,
      })
      for await (const event of events) {
        if (event.type === 'DELETED' || (event.type !== 'BOOKMARK' && holderOf(event.object) === '')) return
      }
      throw new Error('the watch of the lease ended')
    },
  }
}
