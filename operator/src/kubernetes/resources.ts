/** What the operator reads and writes in a cluster: its own kinds, and of others the fields that it looks at. */
import { CRR_POLICY_KIND, GROUP, KINDS, SHARD_MIGRATION_KIND, TIERING_POLICY_KIND, VERSION } from '../api/group.ts'
import type { ShardMigrationStatus } from '../api/status.ts'
import type { AnyPolicyStatus } from '../controllers/policies/objects.ts'
import type { KubeObject, ResourceType } from '../runtime/client/objects.ts'

/** As the API server sends it: `spec` is whatever was accepted, checked again before use. */
export interface CustomObject<Status> extends KubeObject {
  readonly spec?: unknown
  readonly status?: Status
}

export interface StatefulSet extends KubeObject {
  readonly spec: {
    readonly replicas?: number
    readonly updateStrategy?: { readonly type?: string; readonly rollingUpdate?: { readonly partition?: number } }
  }
  readonly status?: {
    readonly observedGeneration?: number
    readonly currentRevision?: string
    readonly updateRevision?: string
  }
}

export interface ContainerStatus {
  readonly name: string
  readonly ready?: boolean
  readonly restartCount?: number
  readonly state?: {
    readonly waiting?: { readonly reason?: string; readonly message?: string }
    readonly terminated?: { readonly reason?: string; readonly exitCode?: number }
  }
  readonly lastState?: { readonly terminated?: { readonly reason?: string; readonly exitCode?: number } }
}

export interface Pod extends KubeObject {
  readonly spec?: {
    readonly containers?: readonly {
      readonly name: string
      readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[]
    }[]
  }
  readonly status?: {
    readonly phase?: string
    readonly podIP?: string
    readonly startTime?: string
    readonly conditions?: readonly {
      readonly type: string
      readonly status: string
      readonly reason?: string
      readonly message?: string
    }[]
    readonly containerStatuses?: readonly ContainerStatus[]
  }
}

export interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>
  /** Base64. */
  readonly binaryData?: Readonly<Record<string, string>>
}

export interface Secret extends KubeObject {
  /** Base64. */
  readonly data?: Readonly<Record<string, string>>
}

const core = <T extends KubeObject>(plural: string, kind: string): ResourceType<T> => ({
  group: '',
  version: 'v1',
  plural,
  kind,
  namespaced: true,
})

export const PODS = core<Pod>('pods', 'Pod')
export const CONFIG_MAPS = core<ConfigMap>('configmaps', 'ConfigMap')
export const SECRETS = core<Secret>('secrets', 'Secret')
export const STATEFUL_SETS: ResourceType<StatefulSet> = {
  group: 'apps',
  version: 'v1',
  plural: 'statefulsets',
  kind: 'StatefulSet',
  namespaced: true,
}

function customType<Status>(kind: string): ResourceType<CustomObject<Status>> {
  const names = KINDS.find((one) => one.kind === kind)
  if (!names) throw new Error(`there is no kind ${kind}`)
  return { group: GROUP, version: VERSION, plural: names.plural, kind, namespaced: true }
}

export type MigrationResource = CustomObject<ShardMigrationStatus>
export type PolicyResource = CustomObject<AnyPolicyStatus>
export const SHARD_MIGRATIONS: ResourceType<MigrationResource> = customType(SHARD_MIGRATION_KIND)
export const CRR_POLICIES: ResourceType<PolicyResource> = customType(CRR_POLICY_KIND)
export const TIERING_POLICIES: ResourceType<PolicyResource> = customType(TIERING_POLICY_KIND)

/** A pod as it is kept in memory: of hundreds of pods, only what is read here. */
export function trimPod({ metadata, spec, status }: Pod): Pod {
  const { name, namespace, uid, resourceVersion, deletionTimestamp, labels, ownerReferences } = metadata
  return {
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(deletionTimestamp !== undefined && { deletionTimestamp }),
      ...(labels && { labels }),
      ...(ownerReferences && { ownerReferences }),
    },
    spec: {
      containers: (spec?.containers ?? []).map((container) => ({ name: container.name, ports: container.ports ?? [] })),
    },
    ...(status && { status }),
  }
}
