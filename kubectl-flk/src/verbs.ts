/**
 * `approve`, `abort`, `pause`, `resume`, `retry`: sets the annotation, then waits until the operator has taken it and says what became of it.
 * An approval carries the hash of the plan that was seen, so that nobody approves another.
 */
import { annotationOf, FIELD_MANAGER, type Verb } from '@fractal-lba/operator/api/group'
import { CommandFailed } from './exit.ts'
import { readHistory } from './history.ts'
import type { Kubectl } from './kubectl.ts'
import { type Custom, readObject, refOf, resourceOf, type Status } from './objects.ts'

const POLL_MS = 250
/** Of events that say why a verb was refused. */
const REFUSALS = ['VerbNotAllowed', 'ApprovalMismatch']

export interface VerbOrder {
  readonly verb: Verb
  readonly target: string
  /** Of `approve`; undefined: the plan in status. */
  readonly plan: string | undefined
  readonly scope: readonly string[]
  /** 0: do not wait. */
  readonly timeoutSeconds: number
  /** Ask the server whether it would take the annotation, and change nothing. */
  readonly dryRun: boolean
}

export interface Clock {
  now(): number
  sleep(ms: number): Promise<void>
}

export type Echo = Status['verbs'][number]

/** @returns what the operator made of it; undefined where it was not waited for. @throws CommandFailed where it refused, or said nothing. */
export async function giveVerb(
  kubectl: Kubectl,
  order: VerbOrder,
  clock: Clock,
): Promise<{ object: Custom; echo: Echo | undefined }> {
  const object = await readObject(kubectl, order.target, order.scope)
  const before = echoOf(object, order.verb)
  const value = order.verb === 'approve' ? planToApprove(object, order.plan) : new Date(clock.now()).toISOString()
  const place = ['-n', object.namespace]
  await kubectl.text([
    ...['annotate', `${resourceOf(object.names)}/${object.name}`, `${annotationOf(order.verb)}=${value}`],
    ...['--overwrite', '--field-manager', 'kubectl-flk', ...place, ...(order.dryRun ? ['--dry-run=server'] : [])],
  ])
  if (order.timeoutSeconds === 0 || order.dryRun) return { object, echo: undefined }
  const deadlineMs = clock.now() + order.timeoutSeconds * 1000
  const isAnswer = (echo: Echo | undefined) => echo?.value === value && echo.at !== before?.at
  for (;;) {
    const now = await readObject(kubectl, `${object.names.singular}/${object.name}`, place)
    const echo = echoOf(now, order.verb)
    if (echo && isAnswer(echo)) {
      if (echo.accepted) return { object: now, echo }
      throw new CommandFailed('refused', `${order.verb} was refused: ${await refusalOf(kubectl, now, echo)}`)
    }
    if (clock.now() >= deadlineMs) {
      throw new CommandFailed(
        'noAnswer',
        `${annotationOf(order.verb)} is set on ${refOf(object)}, but no operator took it within ${order.timeoutSeconds} s. It will when it runs (its field manager is ${FIELD_MANAGER}): kubectl get pods -A -l app.kubernetes.io/name=fractal-lba-operator`,
      )
    }
    await clock.sleep(POLL_MS)
  }
}

const echoOf = ({ status }: Custom, verb: Verb): Echo | undefined => status?.verbs.find((each) => each.verb === verb)

function planToApprove(object: Custom, plan: string | undefined): string {
  const current = object.status?.planHash
  if (!current) {
    throw new CommandFailed(
      'refused',
      `${refOf(object)} has no plan yet; kubectl flk plan ${refOf(object)} -n ${object.namespace} shows it once there is one`,
    )
  }
  if (plan !== undefined && plan !== current) {
    throw new CommandFailed(
      'refused',
      `the plan of ${refOf(object)} is ${current}, not ${plan.slice(0, 64)}: it was made again; look at it with kubectl flk plan ${refOf(object)} -n ${object.namespace}`,
    )
  }
  return current
}

/** The event that the operator wrote with the refusal, else what can be said without it. */
async function refusalOf(kubectl: Kubectl, object: Custom, echo: Echo): Promise<string> {
  const { entries } = await readHistory(kubectl, object)
  const event = entries.findLast(
    (entry) => entry.kind === 'event' && REFUSALS.includes(entry.reason) && entry.text.includes(echo.verb),
  )
  const latest = event ?? entries.findLast((entry) => entry.kind === 'event' && REFUSALS.includes(entry.reason))
  return (
    latest?.text ?? `${object.status?.phase ?? 'the present phase'} does not allow it; see kubectl flk history ${refOf(object)}`
  )
}
