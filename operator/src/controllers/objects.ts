/**
 * Where the objects of a kind live: the API of a cluster, a folder of manifests, or whatever plays their part. The controller of the kind
 * reads and writes them through this alone.
 */
import type { Verb } from '../api/group.ts'
import type { Reason } from '../api/reasons.ts'
import type { FieldProblem } from '../api/validate.ts'

export interface ObservedObject<Spec, Status> {
  readonly name: string
  /** A new object of the same name has another. */
  readonly uid: string
  /** Of the state that was read, where others may write too: a status is refused once there is a newer one. */
  readonly version?: string
  readonly generation: number
  readonly annotations: Readonly<Record<string, string>>
  readonly deletionRequested: boolean
  /** The newest spec that was accepted. */
  readonly spec: Spec | undefined
  readonly problems: readonly FieldProblem[]
  readonly status: Status | undefined
}

/** Of one namespace. */
export interface ObjectsOf<Observed extends ObservedObject<unknown, unknown>> {
  /** Undefined when there is no such object (any more). */
  get(name: string): Promise<Observed | undefined>
  names(): Promise<readonly string[]>
  /** Durable when it resolves. @throws Outdated when the object is not as it was read any more; then nothing was written. */
  writeStatus(object: Observed, status: NonNullable<Observed['status']>): Promise<void>
  event(object: Observed, type: 'Normal' | 'Warning', reason: Reason, message: string): Promise<void>
  /** Takes the verb's annotation away, unless it was set to another value meanwhile. */
  consume(object: Observed, verb: Verb, value: string): Promise<void>
  /** Lets a deleted object go. */
  forget(object: Observed): Promise<void>
}
