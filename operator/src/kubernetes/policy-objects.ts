/** `CRRPolicy` or `TieringPolicy` objects of one namespace, in the API of a cluster. */
import type { Verb } from '../api/group.ts'
import type { Reason } from '../api/reasons.ts'
import type { FieldProblem } from '../api/validate.ts'
import type { AnyPolicyStatus, PolicyObject, PolicyObjects, RolledOutSpec } from '../controllers/policies/objects.ts'
import { checkedOnce } from './checked-once.ts'
import { CustomObjects, type CustomObjectsParts } from './custom-objects.ts'

export type ValidatePolicy<Spec> = (
  value: unknown,
) => { readonly ok: true; readonly spec: Spec } | { readonly ok: false; readonly problems: readonly FieldProblem[] }

export class KubernetesPolicyObjects<Spec extends RolledOutSpec> implements PolicyObjects<Spec> {
  readonly #objects: CustomObjects<AnyPolicyStatus>
  readonly #validate: ValidatePolicy<Spec>

  constructor(parts: CustomObjectsParts<AnyPolicyStatus>, validate: ValidatePolicy<Spec>) {
    this.#objects = new CustomObjects(parts, essenceOf)
    this.#validate = checkedOnce(validate)
  }

  async names(): Promise<readonly string[]> {
    return this.#objects.names()
  }

  async get(name: string): Promise<PolicyObject<Spec> | undefined> {
    const resource = this.#objects.get(name)
    if (!resource) return undefined
    const { metadata, status } = resource
    const validated = this.#validate(resource.spec)
    return {
      name,
      uid: metadata.uid ?? '',
      version: metadata.resourceVersion ?? '',
      generation: metadata.generation ?? 1,
      createdAtMs: Date.parse(metadata.creationTimestamp ?? '') || 0,
      annotations: metadata.annotations ?? {},
      deletionRequested: metadata.deletionTimestamp !== undefined,
      spec: validated.ok ? validated.spec : undefined,
      problems: validated.ok ? [] : validated.problems,
      status,
    }
  }

  async writeStatus(object: PolicyObject<Spec>, status: AnyPolicyStatus): Promise<void> {
    await this.#objects.writeStatus(object, status)
  }

  async event(object: PolicyObject<Spec>, type: 'Normal' | 'Warning', reason: Reason, message: string): Promise<void> {
    this.#objects.event(object, type, reason, message)
  }

  async consume(object: PolicyObject<Spec>, verb: Verb, value: string): Promise<void> {
    await this.#objects.consume(object, verb, value)
  }

  async forget(object: PolicyObject<Spec>): Promise<void> {
    await this.#objects.forget(object)
  }
}

function essenceOf(status: AnyPolicyStatus): object {
  const { progress: _p, gates: _g, gateTracks: _t, lastProgress: _l, message: _m, judgement, ...rest } = status
  return {
    ...rest,
    judgement: judgement?.kind,
    conditions: status.conditions.map(({ message: _, ...condition }) => condition),
  }
}
