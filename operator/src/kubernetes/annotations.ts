/** Verbs as annotations of an object, and what of an object's change is news to a controller that writes its status itself. */
import { annotationOf, type Verb } from '../api/group.ts'
import type { Change } from '../runtime/cache/object-store.ts'
import { ApiError } from '../runtime/client/api-error.ts'
import type { KubeClient } from '../runtime/client/kube-client.ts'
import type { KubeObject, ObjectRef, ResourceType } from '../runtime/client/objects.ts'

/** Takes the verb away, unless it was set to another value, taken away or gone with its object meanwhile: then it is not ours to take. */
export async function consumeVerb(
  client: Pick<KubeClient, 'jsonPatch'>,
  type: ResourceType,
  ref: ObjectRef,
  verb: Verb,
  value: string,
): Promise<void> {
  const path = `/metadata/annotations/${annotationOf(verb).replaceAll('~', '~0').replaceAll('/', '~1')}`
  try {
    await client.jsonPatch(type, ref, [
      { op: 'test', path, value },
      { op: 'remove', path },
    ])
  } catch (error) {
    if (!(error instanceof ApiError) || (error.status !== 422 && error.status !== 404)) throw error
  }
}

/** What somebody else did: a new spec, a verb, a deletion. A status that we wrote ourselves wakes nobody. */
export function isNews<T extends KubeObject>({ old, new: now }: Change<T>): boolean {
  if (!old || !now) return true
  return (
    old.metadata.uid !== now.metadata.uid ||
    old.metadata.generation !== now.metadata.generation ||
    old.metadata.deletionTimestamp !== now.metadata.deletionTimestamp ||
    JSON.stringify(old.metadata.annotations) !== JSON.stringify(now.metadata.annotations)
  )
}
