/** Paths and queries of the API server. Names go in escaped, so that no name can reach another object. */
import type { ObjectRef, ResourceType } from './objects.ts'

export type Subresource = 'status' | 'scale' | 'eviction'

export function collectionPath(type: ResourceType, namespace: string | undefined): string {
  const root = type.group === '' ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`
  return namespace && type.namespaced ? `${root}/namespaces/${segment(type, namespace)}/${type.plural}` : `${root}/${type.plural}`
}

export function objectPath(type: ResourceType, ref: ObjectRef, subresource?: Subresource): string {
  if (type.namespaced && !ref.namespace) throw new Error(`${type.kind} ${ref.name}: give its namespace`)
  const path = `${collectionPath(type, ref.namespace)}/${segment(type, ref.name)}`
  return subresource ? `${path}/${subresource}` : path
}

/** Dots alone would go up in the path. */
function segment(type: ResourceType, name: string): string {
  if (/^\.*$/.test(name)) throw new Error(`${type.kind}: ${JSON.stringify(name)} is no name`)
  return encodeURIComponent(name)
}

export function queryOf(values: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(values)) if (value !== undefined) query.set(name, String(value))
  const text = query.toString()
  return text === '' ? '' : `?${text}`
}
