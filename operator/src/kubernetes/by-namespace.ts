/**
 * One controller a namespace, since names, fleets and the rule of who waits for whom are a namespace's own. Made anew for each leadership:
 * what a controller holds in memory is true only while it leads.
 */
import { refOf } from '../runtime/client/objects.ts'
import type { Reconcile, ReconcileResult } from '../runtime/reconcile.ts'

interface NamespaceController {
  reconcile(name: string, signal: AbortSignal): Promise<ReconcileResult>
  close?(): Promise<void>
}

export class ByNamespace<C extends NamespaceController> {
  readonly #make: (namespace: string) => C
  readonly #controllers = new Map<string, C>()

  constructor(make: (namespace: string) => C) {
    this.#make = make
  }

  /** For keys `namespace/name`. */
  get reconcile(): Reconcile {
    return (key, signal) => {
      const { namespace = '', name } = refOf(key)
      return this.of(namespace).reconcile(name, signal)
    }
  }

  /** Lets each give back what it holds. */
  async close(): Promise<void> {
    await Promise.all([...this.#controllers.values()].map((controller) => controller.close?.()))
  }

  of(namespace: string): C {
    const controller = this.#controllers.get(namespace) ?? this.#make(namespace)
    this.#controllers.set(namespace, controller)
    return controller
  }
}
