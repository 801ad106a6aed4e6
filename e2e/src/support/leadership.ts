/** Who leads, by the Lease of the operator's release. */
import type { Kubectl } from './kubectl.ts'
import { until } from './until.ts'
import { OPERATOR_NAMESPACE, OPERATOR_RELEASE } from './world.ts'

export interface Leader {
  readonly pod: string
  /** Of one process: a pod's next one has another. */
  readonly identity: string
  readonly epoch: number
}

const OPERATOR_SELECTOR = 'app.kubernetes.io/name=fractal-lba-operator'
/** A lease outlives its holder by 15 s, and a standby looks at it every 2 s; the rest is for a machine that has much to do. */
const TAKEOVER_MS = 45_000

export async function operatorPods(kubectl: Kubectl): Promise<string[]> {
  return (await kubectl.list('pods', OPERATOR_NAMESPACE, OPERATOR_SELECTOR)).map(({ metadata }) => metadata.name)
}

export function untilLeader(kubectl: Kubectl, after?: Leader): Promise<Leader> {
  return until<Leader>(after ? `a leader after ${after.identity}` : 'a leader', TAKEOVER_MS, async () => {
    const { spec } = await kubectl.get('leases', OPERATOR_NAMESPACE, OPERATOR_RELEASE)
    const { holderIdentity: identity = '', leaseTransitions: epoch } = spec as {
      holderIdentity?: string
      leaseTransitions: number
    }
    if (identity === '' || identity === after?.identity) return `held by "${identity}"`
    return { pod: identity.slice(0, identity.lastIndexOf('_')), identity, epoch }
  })
}
