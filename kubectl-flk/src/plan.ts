/** `plan`: what would be done, before anything is, and how to let it happen. */

import { durationText } from '@fractal-lba/operator/api/duration'
import { tableLines } from '@fractal-lba/operator/cli/table'
import { CommandFailed } from './exit.ts'
import { FLEET } from './fleet.ts'
import { bytesText, countText, percentText, plural } from './format.ts'
import { nextSteps } from './next-steps.ts'
import { type Custom, refOf, type Status } from './objects.ts'

export function planText(object: Custom): string {
  const { status } = object
  const plan = status?.plan
  const policyPlan = status?.policyPlan
  const body = plan ? migrationPlan(plan, object) : policyPlan ? rolloutPlan(policyPlan) : undefined
  if (!status || !body) throw noPlan(object)
  const steps = nextSteps(object)
  return [
    `${refOf(object)} in ${object.namespace}: ${status.phase}. ${status.message}`,
    '',
    ...body,
    ...(steps.length > 0 ? ['', 'Next', ...steps.map((step) => `  ${step}`)] : []),
  ].join('\n')
}

export function planJson(object: Custom): unknown {
  const plan = object.status?.plan ?? object.status?.policyPlan
  if (!plan) throw noPlan(object)
  return plan
}

const noPlan = (object: Custom): CommandFailed =>
  object.names === FLEET
    ? new CommandFailed(
        'refused',
        "upgrades of a fleet are rolled out without a plan: pod by pod, as its StatefulSet's template says",
      )
    : undecided(object)

const undecided = (object: Custom): CommandFailed =>
  new CommandFailed(
    'refused',
    `${refOf(object)} has no plan yet; kubectl flk why ${refOf(object)} -n ${object.namespace} says what it waits for`,
  )

function migrationPlan(plan: NonNullable<Status['plan']>, { spec }: Custom): string[] {
  const throttle = typeof spec.throttleQPS === 'number' ? ` at ${countText(spec.throttleQPS)} keys/s` : ''
  const moves = plan.moves.map(({ source, target, slots, keys, bytes }) => [
    source,
    target,
    countText(slots),
    countText(keys),
    bytesText(bytes),
  ])
  return [
    ...tableLines([
      ['Plan', plan.hash],
      ['Made', plan.madeAt],
      ['Moves', `${plural(plan.slots, 'slot')}, about ${plural(plan.keys, 'key')} and ${bytesText(plan.bytes)}`],
      ['Copy takes', `about ${durationText(plan.copySeconds)}${throttle}`],
      ['Blast radius', `${percentText(plan.blastRadiusPercent)} of all slots, and so of the traffic`],
      ...(plan.leaving.length > 0 ? [['Emptied', plan.leaving.join(', ')]] : []),
    ]),
    '',
    ...tableLines([['FROM', 'TO', 'SLOTS', 'KEYS', 'BYTES'], ...moves]),
    '',
    'Order',
    ...ordered([
      'copy the records while the sources keep serving, and compare both sides',
      `write to both sides for ${secondsOf(spec.soakSeconds)}, until the gates hold`,
      ...plan.steps.map((percent) => `cut over ${percentText(percent)} of the moving slots, and watch the gates`),
      'keep the way back complete for as long again, then issue the certificate',
      'announce the point of no return, and delete what was moved away at the sources',
    ]),
    ...warningsOf(plan.warnings),
  ]
}

function rolloutPlan(plan: NonNullable<Status['policyPlan']>): string[] {
  return [
    ...tableLines([
      ['Plan', plan.hash],
      ['Made', plan.madeAt],
      ['Revision', plan.revision],
      ['Blast radius', `${percentText(plan.blastRadiusPercent)} of the pods with the first step`],
    ]),
    '',
    'Order',
    ...ordered(plan.steps.map((percent) => `give it to ${percentText(percent)} of the pods, and watch the gates`)),
    '',
    `Pods, in this order: ${plan.pods.join(', ')}`,
    ...warningsOf(plan.warnings),
  ]
}

const ordered = (lines: readonly string[]): string[] => lines.map((line, i) => `  ${String(i + 1).padStart(2)}. ${line}`)

const secondsOf = (value: unknown): string => (typeof value === 'number' ? durationText(value) : 'a while')

const warningsOf = (warnings: readonly string[]): string[] =>
  warnings.length === 0 ? [] : ['', 'Know before you approve', ...warnings.map((warning) => `  ${warning}`)]
