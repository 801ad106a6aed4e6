/** A fleet's own upgrade as its StatefulSet tells of it, in the annotation that the operator keeps there. */
import type { TestFleet } from './fleet.ts'
import type { Resource } from './kubectl.ts'
import { until } from './until.ts'

interface Reading {
  readonly metric: string
  readonly subject?: string
  readonly verdict: string
  readonly message: string
}

export interface Rollout {
  readonly phase: string
  readonly message: string
  readonly revision: string
  readonly failedRevision?: string
  readonly halt?: { readonly reason: string; readonly message: string; readonly reading?: Reading }
  readonly decisions: readonly { readonly action: string; readonly reason: string; readonly message: string }[]
}

const NAME = 'fractal-lba'
const STATUS = 'fractal.lba.io/rollout-status'
const VERIFIERS = 'app.kubernetes.io/name=fractal-lba,app.kubernetes.io/component=verifier'

export interface Revisions {
  readonly currentRevision: string
  readonly updateRevision: string
}

async function readFleet({ kubectl, namespace }: TestFleet): Promise<Revisions & { readonly rollout: Rollout | undefined }> {
  const { metadata, status } = await kubectl.get('statefulsets', namespace, NAME)
  const text = metadata.annotations?.[STATUS]
  return { ...(status as unknown as Revisions), rollout: text === undefined ? undefined : (JSON.parse(text) as Rollout) }
}

export const revisionsOf = async (fleet: TestFleet): Promise<Revisions> => readFleet(fleet)

/** Of a revision other than `besides`, in that phase. */
export function untilRollout(fleet: TestFleet, phase: string, besides: string, timeoutMs: number): Promise<Rollout> {
  return until<Rollout>(`a rollout ${phase}`, timeoutMs, async () => {
    const { rollout } = await readFleet(fleet)
    if (!rollout) return 'no status'
    const about = rollout.failedRevision ?? rollout.revision
    return rollout.phase === phase && about !== besides ? rollout : `${about} ${rollout.phase}: ${rollout.message}`
  })
}

/** Every verifier is there, serves, and runs this revision. */
export function untilAllServe(fleet: TestFleet, revision: string, timeoutMs: number): Promise<Resource[]> {
  return until<Resource[]>(`all pods serving at ${revision}`, timeoutMs, async () => {
    const pods = await fleet.kubectl.list('pods', fleet.namespace, VERIFIERS)
    const serving = pods.filter((pod) => pod.metadata.labels?.['controller-revision-hash'] === revision && isReady(pod))
    return serving.length === fleet.options.replicas ? serving : `${serving.length} of ${pods.length}`
  })
}

function isReady({ status, metadata }: Resource): boolean {
  const conditions = (status?.conditions ?? []) as readonly { type: string; status: string }[]
  return metadata.deletionTimestamp === undefined && conditions.some((one) => one.type === 'Ready' && one.status === 'True')
}
