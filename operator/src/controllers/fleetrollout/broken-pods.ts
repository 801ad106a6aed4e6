/** Why a pod of the new revision will not get well by waiting, or has been waited for long enough. Pure. */
import type { WorkloadPod } from './port.ts'
import type { RolloutReason } from './reasons.ts'
import type { RolloutSettings } from './settings.ts'

export interface BrokenPod {
  readonly reason: RolloutReason
  readonly message: string
}

/** A registry or a missing Secret may be there a moment later; a name that is no image name will not. */
const START_GRACE_MS = 30_000
const CANNOT_START = [
  'ErrImagePull',
  'ImagePullBackOff',
  'ImageInspectError',
  'ErrImageNeverPull',
  'RegistryUnavailable',
  'SignatureValidationFailed',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
  'PreCreateHookError',
]
/** A restart may have a cause outside of the pod; three since it was made have none but the revision. */
const MAX_RESTARTS = 2

/** @param waitingMs since when the step waits for a pod; undefined when it does not */
export function brokenPod(
  pods: readonly WorkloadPod[],
  settings: RolloutSettings,
  waitingMs: number | undefined,
): BrokenPod | undefined {
  for (const pod of pods) {
    const { name, reason, restarts } = pod
    if (pod.terminating) continue
    if (reason === 'CrashLoopBackOff' || restarts > MAX_RESTARTS)
      return { reason: 'PodCrashLoops', message: `(${name}: ${said(pod, `${restarts} restarts`)})` }
    if (pod.ready || reason === undefined) continue
    if (reason === 'InvalidImageName' || (CANNOT_START.includes(reason) && (waitingMs ?? 0) >= START_GRACE_MS))
      return { reason: 'PodCannotStart', message: `(${name}: ${said(pod, reason)})` }
  }
  if (waitingMs === undefined || waitingMs < settings.readyMs) return undefined
  const unready = pods.find((pod) => !pod.ready)
  const seconds = Math.round(waitingMs / 1000)
  return {
    reason: 'PodNotReady',
    message: unready
      ? `(${unready.name} after ${seconds} s: ${said(unready, unready.phase)})`
      : `(after ${seconds} s there is none: the StatefulSet's events say why)`,
  }
}

const said = ({ reason, message }: WorkloadPod, otherwise: string): string =>
  `${reason ?? otherwise}${message ? `, ${message.slice(0, 200)}` : ''}`
