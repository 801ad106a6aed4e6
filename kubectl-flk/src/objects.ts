/**
 * The objects that the commands are about. What a cluster sends may come from another version of the operator: parts that are not as this
 * version knows them count as not there.
 */
import { GROUP, KINDS, type KindNames } from '@fractal-lba/operator/api/group'
import type { CrrPolicyStatus, TieringPolicyStatus } from '@fractal-lba/operator/api/policy-status'
import type { ShardMigrationStatus } from '@fractal-lba/operator/api/status'
import { CommandFailed } from './exit.ts'
import { FLEET, FLEET_SELECTOR, fleetStatusOf } from './fleet.ts'
import type { Kubectl } from './kubectl.ts'

/** Fields that all kinds have. */
type CommonStatus = Pick<
  ShardMigrationStatus,
  | 'observedGeneration'
  | 'message'
  | 'planHash'
  | 'paused'
  | 'halt'
  | 'gates'
  | 'gateTracks'
  | 'judgement'
  | 'verbs'
  | 'reversible'
> & {
  readonly phase: string
  readonly progress: { readonly percentage: number }
  readonly conditions: readonly {
    readonly type: string
    readonly status: string
    readonly reason: string
    readonly message: string
  }[]
  readonly decisions: readonly (Omit<ShardMigrationStatus['decisions'][number], 'phase'> & { readonly phase: string })[]
}

/** Of one kind or the other; a field that a kind does not have is undefined. */
export type Status = CommonStatus &
  Partial<Pick<ShardMigrationStatus, 'plan' | 'reverseLagSeconds' | 'certificate' | 'noReturnAnnouncedAt'>> & {
    readonly progress: CommonStatus['progress'] & Partial<ShardMigrationStatus['progress']>
  } & Partial<Pick<CrrPolicyStatus, 'rollout' | 'active' | 'replicationStats'> & Pick<TieringPolicyStatus, 'tieringStats'>> & {
    readonly policyPlan?: NonNullable<CrrPolicyStatus['plan']>
  }

export interface Custom {
  readonly names: KindNames
  readonly name: string
  readonly namespace: string
  readonly generation: number
  readonly created: string
  readonly spec: Readonly<Record<string, unknown>>
  /** Undefined: no operator has looked at it yet. */
  readonly status: Status | undefined
  /** As the cluster sent it; of a fleet, as it was understood. */
  readonly rawStatus: unknown
}

export interface Target {
  readonly kinds: readonly KindNames[]
  readonly name: string | undefined
}

const ADDRESSABLE = [...KINDS, FLEET]

/** `NAME` of a custom resource, or `KIND/NAME` with any name of the kind. */
export function parseTarget(text: string | undefined): Target {
  if (text === undefined) return { kinds: KINDS, name: undefined }
  const [first = '', ...rest] = text.split('/')
  if (rest.length === 0) return { kinds: KINDS, name: first }
  const wanted = first.toLowerCase().replace(`.${GROUP}`, '')
  const names = ADDRESSABLE.find(({ kind, plural, singular, shortName }) =>
    [kind.toLowerCase(), plural, singular, shortName].includes(wanted),
  )
  const [name] = rest
  if (!names || rest.length > 1 || !name) {
    const known = ADDRESSABLE.map(({ singular, shortName }) =>
      singular === shortName ? singular : `${singular} (${shortName})`,
    ).join(', ')
    throw new CommandFailed('usage', `"${text}" is not KIND/NAME; the kinds are ${known}`)
  }
  return { kinds: [names], name }
}

export const resourceOf = (names: KindNames): string => (names === FLEET ? `${names.plural}.apps` : `${names.plural}.${GROUP}`)
/** As users type it. */
export const refOf = ({ names, name }: Pick<Custom, 'names' | 'name'>): string => `${names.shortName}/${name}`

/** All objects that a target names, sorted. `scope`: `-n` or `-A`. */
export async function readObjects(kubectl: Kubectl, target: Target, scope: readonly string[]): Promise<Custom[]> {
  const selector = target.name === undefined ? [] : ['--field-selector', `metadata.name=${target.name}`]
  const list = await kubectl.json(['get', target.kinds.map(resourceOf).join(','), ...scope, ...selector])
  const items = (list as { items?: unknown[] }).items ?? []
  return items.flatMap((item) => customOf(item) ?? []).sort((a, b) => keyOf(a).localeCompare(keyOf(b)))
}

const keyOf = ({ namespace, names, name }: Custom): string => `${namespace}/${ADDRESSABLE.indexOf(names)}/${name}`

/** The fleets of a scope; none where the user may not see StatefulSets. */
export async function readFleets(kubectl: Kubectl, scope: readonly string[]): Promise<Custom[]> {
  const answer = await kubectl.run(['get', resourceOf(FLEET), '-l', FLEET_SELECTOR, ...scope, '-o', 'json'])
  if (answer.code !== 0) return []
  const { items = [] } = JSON.parse(answer.stdout) as { items?: unknown[] }
  return items.flatMap((item) => customOf(item) ?? []).filter(({ status }) => status !== undefined)
}

/** The one object that is meant. @throws CommandFailed where there is none, or more than one. */
export async function readObject(kubectl: Kubectl, text: string, scope: readonly string[]): Promise<Custom> {
  const target = parseTarget(text)
  const found = await readObjects(kubectl, target, scope)
  const [only] = found
  if (!only) {
    const kind = target.kinds.length === 1 ? target.kinds[0]?.kind : KINDS.map(({ kind }) => kind).join(', ')
    throw new CommandFailed('notFound', `there is no ${kind} "${target.name}" here; kubectl flk status -A shows all of them`)
  }
  if (found.length > 1) {
    throw new CommandFailed('usage', `"${text}" names several objects; say which: ${found.map(refOf).join(', ')}`)
  }
  return only
}

interface Sent {
  readonly kind?: string
  readonly metadata?: {
    readonly name?: string
    readonly namespace?: string
    readonly generation?: number
    readonly creationTimestamp?: string
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly spec?: Readonly<Record<string, unknown>>
  readonly status?: unknown
}

export function customOf(item: unknown): Custom | undefined {
  const { kind, metadata, spec, status } = (item ?? {}) as Sent
  const names = ADDRESSABLE.find((each) => each.kind === kind)
  if (!names || typeof metadata?.name !== 'string') return undefined
  const isFleet = names === FLEET
  const held = isFleet ? fleetStatusOf(metadata.annotations ?? {}, metadata.generation ?? 0) : statusOf(status)
  return {
    names,
    name: metadata.name,
    namespace: metadata.namespace ?? 'default',
    generation: metadata.generation ?? 0,
    created: metadata.creationTimestamp ?? '',
    spec: spec ?? {},
    status: held,
    rawStatus: isFleet ? held : status,
  }
}

function statusOf(sent: unknown): Status | undefined {
  const status = (sent ?? {}) as Partial<Omit<Status, 'plan'>> & { readonly plan?: unknown }
  if (typeof status.phase !== 'string' || !Array.isArray(status.conditions)) return undefined
  const { plan, ...rest } = status
  const isPolicyPlan = Array.isArray((plan as { pods?: unknown } | undefined)?.pods)
  return {
    ...rest,
    ...(isPolicyPlan
      ? { policyPlan: plan as NonNullable<Status['policyPlan']> }
      : { plan: plan as NonNullable<Status['plan']> | undefined }),
    phase: status.phase,
    conditions: status.conditions,
    observedGeneration: status.observedGeneration ?? 0,
    message: status.message ?? '',
    progress: { ...status.progress, percentage: status.progress?.percentage ?? 0 },
    planHash: status.planHash,
    paused: status.paused ?? false,
    halt: status.halt,
    gates: status.gates ?? [],
    gateTracks: status.gateTracks ?? [],
    judgement: status.judgement ?? { kind: 'hold', why: 'not-measured', reading: undefined },
    decisions: status.decisions ?? [],
    verbs: status.verbs ?? [],
    reversible: status.reversible ?? false,
  }
}
