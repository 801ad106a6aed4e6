/**
 * Performs what `decide` answered, and decides nothing. The status is stored before anything that follows from it, so a successor finds
 * what was meant; whatever was not done yet is decided again.
 */
import type { PolicyFleet } from './fleets.ts'
import type { PolicyObject, PolicyObjects, RolledOutSpec } from './objects.ts'
import type { Decided } from './observed.ts'

const PUSH_TIMEOUT_MS = 5000

export interface Acted {
  /** A pod, or what is kept for pods, has seen this epoch, and it is higher than ours. */
  readonly fencedBy: number | undefined
  readonly forgotten: boolean
}

export async function act<Spec extends RolledOutSpec>(
  objects: PolicyObjects<Spec>,
  object: PolicyObject<Spec>,
  fleet: PolicyFleet | undefined,
  { status, actions }: Decided,
  log: (message: string) => void,
  signal: AbortSignal,
): Promise<Acted> {
  if (JSON.stringify(status) !== JSON.stringify(object.status)) await objects.writeStatus(object, status)
  let fencedBy: number | undefined
  let forgotten = false
  for (const action of actions) {
    if (signal.aborted) break
    switch (action.kind) {
      case 'event':
        await objects.event(object, action.type, action.reason, action.message)
        break
      case 'consume':
        await objects.consume(object, action.verb, action.value)
        break
      case 'keep-stable':
        fencedBy = (await fleet?.keepStable(action.push)) ?? fencedBy
        break
      case 'push': {
        if (fencedBy !== undefined) break
        const results = (await fleet?.push(action.pods, action.push, PUSH_TIMEOUT_MS)) ?? []
        for (const result of results) {
          if (result.kind === 'unreachable')
            log(`pod ${result.pod} was not given policies ${action.push.revision}: ${result.error}`)
          if (result.kind === 'fenced') fencedBy = Math.max(fencedBy ?? 0, result.seen)
        }
        break
      }
      case 'forget':
        await objects.forget(object)
        forgotten = true
        break
    }
  }
  return { fencedBy, forgotten }
}
