/**
 * A finalizer keeps an object that is being deleted until its clean-up has succeeded. Invariant: ours is removed only after that, and
 * nobody else's is ever touched.
 */
import { isNotFound } from './client/api-error.ts'
import type { KubeClient } from './client/kube-client.ts'
import type { KubeObject, ResourceType } from './client/objects.ts'
import { changeAtVersion } from './owner-references.ts'

/** @returns the object with the finalizer, or undefined if it is gone or going, when none can be added any more. */
export async function addFinalizer<T extends KubeObject>(
  client: Pick<KubeClient, 'jsonPatch' | 'get'>,
  type: ResourceType<T>,
  object: T,
  finalizer: string,
): Promise<T | undefined> {
  const changed = await changeAtVersion(client, type, object, ({ metadata }) => {
    if (metadata.deletionTimestamp || metadata.finalizers?.includes(finalizer)) return undefined
    return metadata.finalizers
      ? [{ op: 'add', path: '/metadata/finalizers/-', value: finalizer }]
      : [{ op: 'add', path: '/metadata/finalizers', value: [finalizer] }]
  })
  return changed?.metadata.finalizers?.includes(finalizer) ? changed : undefined
}

/**
 * For an object with a `deletionTimestamp`: runs the clean-up, and removes the finalizer if that says `cleaned`. A clean-up that throws
 * or is `pending` leaves it; call again. Clean-ups must bear being repeated.
 */
export async function finalize<T extends KubeObject>(
  client: Pick<KubeClient, 'jsonPatch' | 'get'>,
  type: ResourceType<T>,
  object: T,
  finalizer: string,
  cleanUp: () => Promise<'cleaned' | 'pending'>,
): Promise<'removed' | 'pending'> {
  if (!object.metadata.finalizers?.includes(finalizer)) return 'removed'
  if ((await cleanUp()) === 'pending') return 'pending'
  try {
    await changeAtVersion(client, type, object, ({ metadata }) => {
      const index = metadata.finalizers?.indexOf(finalizer) ?? -1
      return index === -1 ? undefined : [{ op: 'remove', path: `/metadata/finalizers/${index}` }]
    })
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
  return 'removed'
}
