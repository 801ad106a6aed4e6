/** Who owns an object: made for what we create, read to wake the owner, added to what is there already without touching other owners. */
import { ApiError, isConflict } from './client/api-error.ts'
import type { JsonPatchOperation, KubeClient } from './client/kube-client.ts'
import { apiVersionOf, type KubeObject, keyOf, type OwnerReference, type ResourceType } from './client/objects.ts'

/** The owner's reference to put into `metadata.ownerReferences`; the object goes when its owner has gone. */
export function controllerReference(type: ResourceType, owner: KubeObject): OwnerReference {
  const { name, uid } = owner.metadata
  if (!uid) throw new Error(`${type.kind} ${name} has no uid yet: create it before what it owns`)
  return { apiVersion: apiVersionOf(type), kind: type.kind, name, uid, controller: true, blockOwnerDeletion: true }
}

/** Keys of the owners of this type: whom to wake when the object changes. An owner lives in the namespace of what it owns. */
export function ownerKeys(type: ResourceType, object: KubeObject): string[] {
  return (object.metadata.ownerReferences ?? [])
    .filter((owner) => owner.kind === type.kind && groupOf(owner.apiVersion) === type.group)
    .map(({ name }) => keyOf({ name, ...(type.namespaced && { namespace: object.metadata.namespace }) }))
}

function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? (apiVersion.split('/', 1)[0] as string) : ''
}

/** Retries on a conflict with the object as it is then. @returns the object, or undefined if it is gone. */
export async function addOwnerReference<T extends KubeObject>(
  client: KubeClient,
  type: ResourceType<T>,
  object: T,
  owner: OwnerReference,
): Promise<T | undefined> {
  return changeAtVersion(client, type, object, (present) => {
    const owners = present.metadata.ownerReferences
    if (owners?.some(({ uid }) => uid === owner.uid)) return undefined
    return owners
      ? [{ op: 'add', path: '/metadata/ownerReferences/-', value: owner }]
      : [{ op: 'add', path: '/metadata/ownerReferences', value: [owner] }]
  })
}

const MAX_CONFLICTS = 5

/**
 * Changes exactly what the operations say, and only while the object is as it was when they were made: others' entries stay, whatever
 * happens in between. `operationsFor` returns undefined where nothing is to be done.
 */
export async function changeAtVersion<T extends KubeObject>(
  client: Pick<KubeClient, 'jsonPatch' | 'get'>,
  type: ResourceType<T>,
  object: T,
  operationsFor: (present: T) => JsonPatchOperation[] | undefined,
): Promise<T | undefined> {
  let present: T | undefined = object
  for (let conflicts = 0; present?.metadata.uid === object.metadata.uid; conflicts++) {
    const operations = operationsFor(present as T)
    if (!operations) return present
    const version: JsonPatchOperation = {
      op: 'replace',
      path: '/metadata/resourceVersion',
      value: present?.metadata.resourceVersion,
    }
    try {
      return await client.jsonPatch(type, object.metadata, [version, ...operations])
    } catch (error) {
      // Where the present object has no such path, the server says so before it looks at the version.
      const unfitting = error instanceof ApiError && error.status === 422
      if (!(unfitting || isConflict(error)) || conflicts >= MAX_CONFLICTS) throw error
      const next: T | undefined = await client.get(type, object.metadata)
      if (unfitting && next?.metadata.resourceVersion === present?.metadata.resourceVersion) throw error
      present = next
    }
  }
  return undefined
}
