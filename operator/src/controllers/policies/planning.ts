/** The plan of a policy's rollout, and whether it may be carried out. Pure. */
import { hash } from 'node:crypto'
import { unitsAt } from '../../rollout/steps.ts'
import type { Draft } from './draft.ts'
import type { RolledOutSpec } from './objects.ts'
import type { FleetView } from './observed.ts'

const MAX_LISTED_PODS = 1000

/** @returns whether the rollout may go on. */
export function plan(draft: Draft, fleet: Extract<FleetView, { kind: 'found' }>, revision: string): boolean {
  const { status, observed } = draft
  const spec = observed.spec as RolledOutSpec
  const planHash = hash('sha256', JSON.stringify([revision, fleet.stable.revision, fleet.key, spec.steps]), 'hex').slice(0, 16)
  if (status.planHash !== planHash) {
    if (status.approvedHash !== undefined) draft.event('Warning', 'PlanStale')
    status.planHash = planHash
    status.approvedHash = undefined
    draft.decided('Plan', 'PlanPending', `(${planHash}: ${revision} to ${fleet.pods.length} pods)`)
  }
  status.plan = {
    hash: planHash,
    madeAt: status.plan?.hash === planHash ? status.plan.madeAt : draft.now,
    revision,
    pods: fleet.pods.slice(0, MAX_LISTED_PODS).map((pod) => pod.name),
    steps: spec.steps,
    blastRadiusPercent: blastRadius(spec.steps, fleet.pods.length),
    warnings: warnings(draft, fleet),
  }
  if (status.rollout?.revision === revision && status.rollout.endedAt === undefined) return true
  if (spec.dryRun) {
    draft.say('DryRunComplete', `(${planHash})`)
    return false
  }
  if (spec.approval === 'Manual' && status.approvedHash !== planHash) {
    draft.say('AwaitingApproval', `(${planHash})`)
    return false
  }
  const tooOld = fleet.pods.filter((pod) => pod.tooOld)
  if (tooOld.length > 0) {
    draft.stall(
      'NotSupportedByFleet',
      `(${tooOld[0]?.name} and ${tooOld.length - 1} more are of a version that takes no policies)`,
    )
    return false
  }
  return true
}

function blastRadius(steps: readonly number[], pods: number): number {
  return pods === 0 ? 0 : Math.round((unitsAt(steps[0] ?? 100, pods) / pods) * 100)
}

function warnings({ observed }: Draft, fleet: Extract<FleetView, { kind: 'found' }>): string[] {
  const { capability } = observed
  const unable = fleet.pods.filter((pod) => pod.runs && !pod.capabilities.includes(capability))
  if (unable.length === 0) return []
  return [
    `${unable.length} of ${fleet.pods.length} pods cannot carry out "${capability}": the policy will have no effect on them`,
  ]
}
