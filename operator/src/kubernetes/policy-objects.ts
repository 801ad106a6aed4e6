/** `CRRPolicy` or `TieringPolicy` objects of one namespace, in the API of a cluster. */
import type { Validated } from '../api/validate.ts'
import type { AnyPolicyStatus, PolicyObjects, RolledOutSpec } from '../controllers/policies/objects.ts'
import { CustomObjects, type CustomObjectsParts } from './custom-objects.ts'

export function policyObjects<Spec extends RolledOutSpec>(
  parts: CustomObjectsParts<AnyPolicyStatus>,
  validate: (spec: unknown) => Validated<Spec>,
): PolicyObjects<Spec> {
  return new CustomObjects(parts, validate, essenceOf)
}

function essenceOf(status: AnyPolicyStatus): object {
  const { progress: _p, gates: _g, gateTracks: _t, lastProgress: _l, message: _m, judgement, ...rest } = status
  return {
    ...rest,
    judgement: judgement?.kind,
    conditions: status.conditions.map(({ message: _, ...condition }) => condition),
  }
}
