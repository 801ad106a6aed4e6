/** Performs one action of `decide.ts`, or a slice of it. Decides nothing: what is left to do shows in the next observation. */
import type { Action } from './decide.ts'
import type { MigrationView } from './observe.ts'
import { begin } from './phases/begin.ts'
import { certify } from './phases/certify.ts'
import { discard, stopCapture } from './phases/cleanup.ts'
import type { PhaseContext, Slice } from './phases/context.ts'
import { copy } from './phases/copy.ts'
import { follow } from './phases/follow.ts'
import { prepare } from './phases/prepare.ts'
import { switchBack, switchForward, takeBack } from './phases/switch.ts'
import { turn } from './phases/turn.ts'
import { verify } from './phases/verify.ts'
import type { Plan } from './plan.ts'

export interface Order {
  readonly view: MigrationView
  readonly approvedPlan: string | undefined
  readonly earlierPlan: Plan | undefined
}

export async function act(context: PhaseContext, action: Action, order: Order, slice: Slice): Promise<void> {
  switch (action.kind) {
    case 'begin':
      return begin(context, order.approvedPlan, order.earlierPlan)
    case 'record':
      return context.ledger.update(() => action.change)
    case 'turn':
      return turn(context, action.direction)
    case 'prepare':
      return prepare(context, action, slice)
    case 'copy':
      return copy(context, action, slice)
    case 'follow':
      await follow(context, action, slice)
      return
    case 'verify':
      return verify(context, action, slice)
    case 'switch':
      return switchForward(context, action, slice)
    case 'switch-back':
      return switchBack(context, action, slice)
    case 'take-back':
      return takeBack(context, action)
    case 'certify':
      return certify(context, order.view, slice)
    case 'stop-capture':
      return stopCapture(context, action.at, action.slots, slice)
    case 'discard':
      return discard(context, action.at, action.slots, slice)
  }
}
