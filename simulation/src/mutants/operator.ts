/** Bugs of an operator, as its calls to the API show them. */
import type { KubeObject } from '@fractal-lba/operator/runtime/client/objects'
import { instead, type Mutant } from './mutant.ts'

export const OPERATOR_MUTANTS: readonly Mutant[] = [
  {
    name: 'status-without-its-version',
    bug: 'A status is written without the version that it was made from, so one that comes late takes the place of a newer one.',
    variant: {
      operatorClient: (ours) =>
        instead(ours, {
          apply: (type, object, options) => {
            const { resourceVersion: _, ...metadata } = (object as KubeObject).metadata
            return ours.apply(type, { ...object, metadata }, options)
          },
        }),
    },
  },
]
