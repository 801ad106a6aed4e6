/** Every planted bug, by name. */
import { OURS, type Variant } from '../world/variant.ts'
import { ENGINE_MUTANTS } from './engine.ts'
import type { Mutant } from './mutant.ts'
import { OPERATOR_MUTANTS } from './operator.ts'
import { POD_MUTANTS } from './pod.ts'
import { SHARD_MUTANTS } from './shard.ts'

export const MUTANTS: readonly Mutant[] = [...SHARD_MUTANTS, ...ENGINE_MUTANTS, ...OPERATOR_MUTANTS, ...POD_MUTANTS]

/** @throws RangeError when there is no mutant of that name. */
export function variantOf(mutant: string | undefined): Variant {
  if (mutant === undefined) return OURS
  const found = MUTANTS.find(({ name }) => name === mutant)
  if (!found) throw new RangeError(`there is no mutant ${mutant}; the mutants are ${MUTANTS.map(({ name }) => name).join(', ')}`)
  return { name: found.name, ...found.variant }
}
