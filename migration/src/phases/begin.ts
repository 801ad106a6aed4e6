/** Makes the plan from what the shards say now and records it at all of them, new ones included. From here the migration exists. */
import type { ShardDescription } from '@fractal-lba/shards/port'
import { type Controls, describeAll } from '../observe.ts'
import { type MigrationSpec, makePlan, type Plan, type PlanRefused, planHash, planMoves } from '../plan.ts'
import { MigrationStopped } from '../stopped.ts'
import { controlOf, type PhaseContext } from './context.ts'

/** Reads only: what a migration would do. `earlier`: a plan whose measurements will do, if it still is the plan: measuring takes a while. */
export async function planFrom(
  controls: Controls,
  spec: MigrationSpec,
  throttleQps: number | undefined,
  earlier?: Plan,
): Promise<Plan | PlanRefused> {
  const descriptions = await describeAll(controls)
  const moves = planMoves(spec, descriptions)
  if ('refused' in moves) return moves
  const sizes =
    earlier !== undefined && earlier.planHash === planHash(spec, descriptions)
      ? earlier.moves
      : await Promise.all(moves.map(({ source, slots }) => controls.get(source)!.measure(slots)))
  return makePlan(spec, descriptions, moves, sizes, throttleQps)
}

/** @param approvedPlan the hash of the plan that was approved; undefined: any will do. */
export async function begin(context: PhaseContext, approvedPlan: string | undefined, earlier: Plan | undefined): Promise<void> {
  const { spec, controls, clock, ledger } = context
  const plan = await planFrom(controls, spec, context.settings.throttleQps, earlier)
  if ('refused' in plan) throw new MigrationStopped('PlanRefused', plan.refused)
  if (approvedPlan !== undefined && plan.planHash !== approvedPlan)
    throw new MigrationStopped(
      'PlanStale',
      `plan ${approvedPlan} was approved, but the shards have changed since and the plan is ${plan.planHash} now: approve that one`,
    )
  await joinFleet(context, await describeAll(controls))
  await ledger.create({
    version: 1,
    id: spec.id,
    revision: 1,
    planHash: plan.planHash,
    from: plan.from,
    to: plan.to,
    vnodes: plan.vnodes,
    moves: plan.moves.map(({ source, target, slots }) => ({ source, target, slots })),
    totalKeys: plan.keys,
    totalBytes: plan.bytes,
    createdAtMs: clock.now(),
    direction: 'forward',
    copiedAtMs: undefined,
    verifiedAtMs: undefined,
    soakedAtMs: undefined,
    steps: [],
    cutOverAtMs: undefined,
    proofs: '',
    repaired: 0,
    certificate: undefined,
    cleanupAtMs: undefined,
    outcome: undefined,
    endedAtMs: undefined,
  })
}

/** A new shard becomes one of this fleet that owns nothing yet. */
async function joinFleet(context: PhaseContext, descriptions: readonly ShardDescription[]): Promise<void> {
  const fleet = descriptions.find((description) => description.fleet)?.fleet
  if (!fleet) throw new MigrationStopped('PlanRefused', 'none of the shards belongs to a fleet')
  for (const description of descriptions) {
    if (description.fleet?.ready) continue
    const control = controlOf(context, description.id)
    await control.initialise({ id: fleet.id, initialOwners: fleet.initialOwners }, [])
    await control.markFleetReady()
  }
}
