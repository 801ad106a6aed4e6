/**
 * Names of the API group: what a manifest carries in `apiVersion`, `kind` and its annotations. An annotation is a verb: given once,
 * consumed by the controller, and echoed in status.
 */
export const GROUP = 'fractal.lba.io'
export const VERSION = 'v1'
export const API_VERSION = `${GROUP}/${VERSION}`
export const SHARD_MIGRATION_KIND = 'ShardMigration'
export const CRR_POLICY_KIND = 'CRRPolicy'
export const TIERING_POLICY_KIND = 'TieringPolicy'

/** How a kind is named in URLs and on the command line. */
export interface KindNames {
  readonly kind: string
  readonly plural: string
  readonly singular: string
  readonly shortName: string
}

export const KINDS: readonly KindNames[] = [
  { kind: SHARD_MIGRATION_KIND, plural: 'shardmigrations', singular: 'shardmigration', shortName: 'smig' },
  { kind: CRR_POLICY_KIND, plural: 'crrpolicies', singular: 'crrpolicy', shortName: 'crrp' },
  { kind: TIERING_POLICY_KIND, plural: 'tieringpolicies', singular: 'tieringpolicy', shortName: 'tierp' },
]

/** All three at once: `kubectl get flk`. */
export const CATEGORY = 'flk'
/** Held until what a deleted object began is undone, finished or let go. */
export const FINALIZER = `${GROUP}/finalizer`
/** Under which the operator applies. */
export const FIELD_MANAGER = 'fractal-lba-operator'

export const VERBS = ['approve', 'abort', 'pause', 'resume', 'retry'] as const
export type Verb = (typeof VERBS)[number]

/** The annotation of a verb, e.g. `fractal.lba.io/approve`. */
export const annotationOf = (verb: Verb): string => `${GROUP}/${verb}`

export interface ObjectMeta {
  readonly name: string
  readonly uid: string
  /** Grows with each change of the spec; a condition names the generation that it is about. */
  readonly generation: number
  readonly annotations: Readonly<Record<string, string>>
  /** Set once the object was deleted, while something of it is still to be undone or finished. */
  readonly deletionRequested: boolean
}
