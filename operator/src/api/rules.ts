/**
 * What a field carries for the API server besides its schema: CEL rules and list types. They stand beside the field that they are about
 * and are ignored by the operator's own validation, which checks the same in `validate*.ts` (a test holds both against one table).
 */

export interface CelRule {
  /** True when the value is good. `self` is the field that carries the rule, `oldSelf` what it was. */
  readonly rule: string
  /** What is wrong, and what to do. */
  readonly message?: string
  /** The same, computed: for messages that show the value. */
  readonly messageExpression?: string
  /** The child that the message is about, e.g. `.targetShards`. */
  readonly fieldPath?: string
}

export const cel = (...rules: readonly CelRule[]): { readonly 'x-kubernetes-validations': readonly CelRule[] } => ({
  'x-kubernetes-validations': rules,
})

/** Cannot be changed once the object exists. */
export const immutable = (why: string): CelRule => ({ rule: 'self == oldSelf', message: `cannot be changed: ${why}` })

/** An optional child that cannot be changed, added or taken away; stands at the parent. */
export const immutableChild = (field: string, why: string): CelRule => ({
  rule: `has(self.${field}) == has(oldSelf.${field}) && (!has(self.${field}) || self.${field} == oldSelf.${field})`,
  message: `cannot be changed: ${why}`,
  fieldPath: `.${field}`,
})

/** No entry twice; entries of several writers are merged. */
export const SET = { 'x-kubernetes-list-type': 'set' } as const
/** The order matters; a writer gives the list as a whole. */
export const ATOMIC = { 'x-kubernetes-list-type': 'atomic' } as const
/** One entry a key. */
export const byKey = (...keys: readonly string[]) =>
  ({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': keys }) as const

/**
 * An object whose unknown keys are refused by the API server instead of being dropped. A schema of named properties cannot do that
 * (pruning comes before every rule), so the CRD shows it as a map of numbers with rules on its keys.
 */
export const NAMED_LIMITS = 'x-named-limits'
