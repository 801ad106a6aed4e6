/** Policies of one kind and namespace, in memory: what an API server keeps of them, and gives back without what is undefined. */
import type { Condition } from '../../../api/conditions.ts'
import { annotationOf, type Verb } from '../../../api/group.ts'
import type { FieldProblem } from '../../../api/validate.ts'
import type { AnyPolicyStatus, PolicyObject, PolicyObjects, RolledOutSpec } from '../objects.ts'

interface World {
  readonly nowMs: number
  readonly events: string[]
  /** An object was changed by a user. */
  wake(): void
  /** A call of the API, which may fail. */
  called(): void
}

interface Stored<Spec> {
  uid: string
  generation: number
  createdAtMs: number
  annotations: Record<string, string>
  deletionRequested: boolean
  spec: Spec | undefined
  problems: readonly FieldProblem[]
  status: string | undefined
}

export class SimulatedObjects<Spec extends RolledOutSpec> implements PolicyObjects<Spec> {
  readonly #world: World
  readonly #stored = new Map<string, Stored<Spec>>()
  #uids = 0

  constructor(world: World) {
    this.#world = world
  }

  apply(name: string, spec: Spec | undefined, problems: readonly FieldProblem[] = []): void {
    this.#world.wake()
    const known = this.#stored.get(name)
    if (known) Object.assign(known, { spec: spec ?? known.spec, problems, generation: known.generation + 1 })
    else
      this.#stored.set(name, {
        uid: `${name}-${++this.#uids}`,
        generation: 1,
        createdAtMs: this.#world.nowMs + this.#uids,
        annotations: {},
        deletionRequested: false,
        spec,
        problems,
        status: undefined,
      })
  }

  delete(name: string): void {
    this.#world.wake()
    this.#of(name).deletionRequested = true
  }

  give(name: string, verb: Verb, value = 'true'): void {
    this.#world.wake()
    this.#of(name).annotations[annotationOf(verb)] = value
  }

  status(name: string): AnyPolicyStatus {
    return JSON.parse(this.#of(name).status ?? '{}') as AnyPolicyStatus
  }

  condition(name: string, type: string): Pick<Condition<string>, 'status' | 'reason' | 'message'> | undefined {
    return this.status(name).conditions?.find((condition) => condition.type === type)
  }

  has(name: string): boolean {
    return this.#stored.has(name)
  }

  #of(name: string): Stored<Spec> {
    const stored = this.#stored.get(name)
    if (!stored) throw new Error(`there is no ${name}`)
    return stored
  }

  async names(): Promise<readonly string[]> {
    return [...this.#stored.keys()]
  }

  async get(name: string): Promise<PolicyObject<Spec> | undefined> {
    this.#world.called()
    const stored = this.#stored.get(name)
    if (!stored) return undefined
    // As the API server gives it back: without what is undefined.
    const status = stored.status === undefined ? undefined : (JSON.parse(stored.status) as AnyPolicyStatus)
    return { name, ...stored, annotations: { ...stored.annotations }, status }
  }

  async writeStatus({ name }: PolicyObject<Spec>, status: AnyPolicyStatus): Promise<void> {
    this.#world.called()
    this.#of(name).status = JSON.stringify(status)
  }

  async event({ name }: PolicyObject<Spec>, type: string, reason: string, message: string): Promise<void> {
    this.#world.called()
    this.#world.events.push(`${name}: ${type} ${reason}: ${message}`)
  }

  async consume({ name }: PolicyObject<Spec>, verb: Verb, value: string): Promise<void> {
    this.#world.called()
    const { annotations } = this.#of(name)
    if (annotations[annotationOf(verb)] === value) delete annotations[annotationOf(verb)]
  }

  async forget({ name }: PolicyObject<Spec>): Promise<void> {
    this.#world.called()
    this.#stored.delete(name)
  }
}
