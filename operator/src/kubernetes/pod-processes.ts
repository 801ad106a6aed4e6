/** Which changes of a pod mean that another process runs in it, or that its process can be spoken to now: what it was told before may be gone. */
import type { Change } from '../runtime/cache/object-store.ts'
import type { Pod } from './resources.ts'

export function isAnotherProcess({ old, new: now }: Change<Pod>): boolean {
  return !old || !now || processOf(old) !== processOf(now)
}

/** What is the same as long as one process runs and takes calls. A pod that only probes and conditions speak of has not changed. */
function processOf({ metadata, status }: Pod): string {
  const containers = (status?.containerStatuses ?? []).map(({ name, restartCount, ready }) => [name, restartCount, ready])
  return JSON.stringify([metadata.uid, metadata.deletionTimestamp, status?.podIP, containers])
}
