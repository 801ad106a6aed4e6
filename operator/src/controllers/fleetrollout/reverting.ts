/**
 * Brings pods back to the revision that the fleet is on. Raising the partition changes no pod, so each is deleted, and made again by the
 * StatefulSet from its current revision: what does not serve at once, what serves one after the other, each awaited.
 */
import type { Draft } from './draft.ts'
import { HOLD } from './observed.ts'
import type { WorkloadPod } from './port.ts'

/** Pods of another revision than the fleet's. */
export function strays({ workload }: Draft): WorkloadPod[] {
  return workload.pods.filter((pod) => pod.revision !== workload.currentRevision)
}

/** @returns true once no pod of another revision is left. */
export function revert(draft: Draft): boolean {
  const { workload, status } = draft
  draft.partition(HOLD)
  const left = strays(draft)
  status.updated = left.filter((pod) => pod.ready).length
  if (left.length === 0) return true
  const standing = left.filter((pod) => !pod.terminating)
  const broken = standing.filter((pod) => !pod.ready)
  for (const pod of broken) draft.actions.push({ kind: 'delete-pod', pod, why: `it runs ${pod.revision} and is not ready` })
  const awaited = awaitedPod(draft)
  draft.say('RollingBack', `(${left.length} of ${workload.replicas} left${awaited ? `; waiting for ${awaited}` : ''})`)
  const [next] = standing.toSorted((a, b) => b.ordinal - a.ordinal)
  if (next && broken.length === 0 && awaited === undefined)
    draft.actions.push({ kind: 'delete-pod', pod: next, why: `it runs ${next.revision}` })
  return false
}

/** A pod that has to serve again before the next is taken away. */
function awaitedPod({ workload, status }: Draft): string | undefined {
  const unready = workload.pods.find((pod) => (!pod.ready || pod.terminating) && !status.illBefore.includes(pod.name))
  if (unready) return unready.name
  return workload.pods.length < workload.replicas ? 'a pod that is being made' : undefined
}
