/**
 * Performs what `decide` answered, and decides nothing. The status is stored before anything that follows from it, so a successor finds
 * what was meant; what was not done yet is decided again.
 */
import type { Decided } from './observed.ts'
import type { FleetWorkload, FleetWorkloads } from './port.ts'
import type { FleetRolloutStatus } from './status.ts'

export async function act(
  workloads: FleetWorkloads,
  seen: FleetWorkload,
  before: FleetRolloutStatus | undefined,
  { status, actions }: Decided,
  signal: AbortSignal,
): Promise<void> {
  const same = JSON.stringify(status) === JSON.stringify(before)
  const workload = same ? seen : await workloads.writeStatus(seen, status)
  for (const action of actions) {
    if (signal.aborted) return
    switch (action.kind) {
      case 'event':
        await workloads.event(workload, action.type, action.reason, action.message)
        break
      case 'consume':
        await workloads.consume(workload, action.verb, action.value)
        break
      case 'set-partition':
        await workloads.setPartition(workload, action.partition)
        break
      case 'delete-pod':
        await workloads.deletePod(workload, action.pod)
        break
    }
  }
}
