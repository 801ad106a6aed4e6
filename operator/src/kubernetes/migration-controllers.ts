/**
 * Reconciles the `ShardMigration` objects of all namespaces: one controller a namespace, since names, fleets and the rule of who waits
 * for whom are a namespace's own. Made anew for each leadership: what one holds in memory is true only while it leads.
 */
import type { CertificateSigner } from '@fractal-lba/migration/certificate/certificate'
import { ShardMigrationController } from '../controllers/shardmigration/controller.ts'
import type { Cache } from '../runtime/cache/cache.ts'
import type { Change } from '../runtime/cache/object-store.ts'
import type { KubeClient } from '../runtime/client/kube-client.ts'
import { refOf } from '../runtime/client/objects.ts'
import type { EventRecorder } from '../runtime/events/event-recorder.ts'
import type { ReconcileResult } from '../runtime/reconcile.ts'
import { type FleetParts, KubernetesFleet } from './fleet.ts'
import { KubernetesMigrationObjects } from './migration-objects.ts'
import type { MigrationResource } from './resources.ts'

export interface MigrationControllersParts extends FleetParts {
  readonly client: KubeClient
  readonly migrations: Cache<MigrationResource>
  readonly events: EventRecorder
  readonly holder: string
  readonly leaseTtlMs: number
  readonly signer: CertificateSigner | undefined
  readonly log: (message: string) => void
}

export class MigrationControllers {
  readonly #parts: MigrationControllersParts
  readonly #byNamespace = new Map<string, ShardMigrationController>()

  constructor(parts: MigrationControllersParts) {
    this.#parts = parts
  }

  reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult> {
    const { namespace = '', name } = refOf(key)
    return this.#of(namespace).reconcile(name, signal)
  }

  /** Gives back every lease at the shards. */
  async close(): Promise<void> {
    await Promise.all([...this.#byNamespace.values()].map((controller) => controller.close()))
  }

  #of(namespace: string): ShardMigrationController {
    const known = this.#byNamespace.get(namespace)
    if (known) return known
    const { client, migrations, events, now, holder, leaseTtlMs, signer, log } = this.#parts
    const controller = new ShardMigrationController({
      objects: new KubernetesMigrationObjects({ client, cache: migrations, events, namespace, now }),
      around: ({ spec }) => {
        const fleet = new KubernetesFleet(this.#parts, namespace, spec?.fleet)
        return { fleet, openControl: (address) => fleet.openControl(address) }
      },
      now,
      session: { holder, leaseTtlMs, signer },
      log: (message) => log(`${namespace}/${message}`),
    })
    this.#byNamespace.set(namespace, controller)
    return controller
  }
}

/** What somebody else did: a new spec, a verb, a deletion. A status that we wrote ourselves wakes nobody. */
export function isNews({ old, new: now }: Change<MigrationResource>): boolean {
  if (!old || !now) return true
  return (
    old.metadata.uid !== now.metadata.uid ||
    old.metadata.generation !== now.metadata.generation ||
    old.metadata.deletionTimestamp !== now.metadata.deletionTimestamp ||
    JSON.stringify(old.metadata.annotations) !== JSON.stringify(now.metadata.annotations)
  )
}
