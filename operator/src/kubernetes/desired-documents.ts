/**
 * What the pods of a fleet are meant to run, in the fleet's ConfigMap: the fleet config and the policies, each with the fence of whoever
 * wrote it. A lower fence never replaces a higher one, and a document is only written as it was read.
 */
import type { ConfigPush } from '@fractal-lba/protocol/config/fleet-config'
import { checkPoliciesPush, type PoliciesPush } from '@fractal-lba/protocol/config/policies'
import type { KubeClient } from '../runtime/client/kube-client.ts'
import type { ObjectRef } from '../runtime/client/objects.ts'
import { CONFIG_MAPS, type ConfigMap } from './resources.ts'

export const FLEET_CONFIG_KEY = 'fleet-config.json'
export const POLICIES_KEY = 'policies.json'

/** How one of the documents is read, and what fences it. */
export interface DocumentKind<T> {
  readonly key: string
  /** @returns undefined for what is no such document. */
  readonly check: (value: unknown) => T | undefined
  readonly fenceOf: (document: T) => number
}

export const FLEET_CONFIG_DOCUMENT: DocumentKind<ConfigPush> = {
  key: FLEET_CONFIG_KEY,
  check: (value) => {
    const push = value as Partial<ConfigPush> | null
    const whole = typeof push?.generation === 'number' && typeof push.revision === 'string' && Array.isArray(push.config?.shards)
    return whole ? (push as ConfigPush) : undefined
  },
  fenceOf: ({ generation }) => generation,
}

export const POLICIES_DOCUMENT: DocumentKind<PoliciesPush> = {
  key: POLICIES_KEY,
  check: (value) => {
    const checked = checkPoliciesPush(value)
    return checked.ok ? checked.push : undefined
  },
  fenceOf: ({ epoch }) => epoch,
}

/** Undefined before one was written. @throws Error that names the key, without its content. */
export async function readDocument<T>(client: KubeClient, ref: ObjectRef, kind: DocumentKind<T>): Promise<T | undefined> {
  return documentIn(await client.get(CONFIG_MAPS, ref), ref, kind)
}

/** @returns a higher fence that is there already; undefined when the ConfigMap now holds the document. */
export async function writeDocument<T extends { readonly revision: string }>(
  client: KubeClient,
  ref: ObjectRef,
  kind: DocumentKind<T>,
  document: T,
): Promise<number | undefined> {
  const present = await client.get(CONFIG_MAPS, ref)
  if (!present) throw new Error(`the ConfigMap ${ref.name} is missing: it comes with the chart fractal-lba; install it again`)
  const there = documentIn(present, ref, kind)
  if (there && kind.fenceOf(there) > kind.fenceOf(document)) return kind.fenceOf(there)
  if (there?.revision === document.revision && kind.fenceOf(there) === kind.fenceOf(document)) return undefined
  // A conflict means that somebody else wrote, and all is looked at again.
  await client.mergePatch(CONFIG_MAPS, ref, {
    metadata: { resourceVersion: present.metadata.resourceVersion },
    data: { [kind.key]: JSON.stringify(document) },
  })
  return undefined
}

function documentIn<T>(configMap: ConfigMap | undefined, { name }: ObjectRef, kind: DocumentKind<T>): T | undefined {
  const text = configMap?.data?.[kind.key]
  if (text === undefined || text === '') return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = undefined
  }
  const document = kind.check(value)
  if (document === undefined)
    throw new Error(
      `key ${kind.key} of the ConfigMap ${name} is not what the operator wrote; remove the key, and it is written anew`,
    )
  return document
}
