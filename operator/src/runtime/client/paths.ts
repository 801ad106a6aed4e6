/** Paths and queries of the API server. Names go in escaped, so that no name can reach another object. */
import type { ObjectRef, ResourceType } from './objects.ts'

export type Subresource = 'status' | 'scale' | 'eviction'

export function collectionPath(type: ResourceType, namespace: string | undefined): string {
  const root = type.group === '' ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`
  return namespace && type.namespaced
    ? `${root}/namespaces/${encodeURIComponent(namespace)}/${type.plural}`
    : `${root}/${type.plural}`
}

export function objectPath(type: ResourceType, ref: ObjectRef, subresource?: Subresource): string {
  if (type.namespaced && !ref.namespace) throw new Error(`${type.kind} ${ref.name}: give its namespace`)
  if (!ref.name) throw new Error(`${type.kind}: give its name`)
  const path = `${collectionPath(type, ref.namespace)}/${encodeURIComponent(ref.name)}`
  return subresource ? `${path}/${subresource}` : path
}

export function queryOf(values: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(values)) if (value !== undefined) query.set(name, String(value))
  const text = query.toString()
  return text === '' ? '' : `?${text}`
}
