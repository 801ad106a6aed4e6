/**
 * The three CustomResourceDefinitions, from the operator's types. Printed as YAML into `crds/` by `npm run generate`, so that a type, its
 * validation and what the API server enforces are one thing.
 */
import { stringify } from 'yaml'
import { MAX_NAME_LENGTH } from '../fields.ts'
import { CATEGORY, GROUP, VERSION } from '../group.ts'
import { cel } from '../rules.ts'
import { DEFINED, type Kind } from './kinds.ts'
import { type JsonSchema, structural } from './structural.ts'

function definition({ names, description, spec, status, columns }: Kind): Record<string, unknown> {
  const { kind, plural, singular, shortName } = names
  const openAPIV3Schema = {
    type: 'object',
    description,
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec: structural({ ...spec, description: 'What is wanted.' } as JsonSchema, `${kind}.spec`),
      status: structural(status as JsonSchema, `${kind}.status`, 'open'),
    },
    ...cel({
      rule: `self.metadata.name.size() <= ${MAX_NAME_LENGTH}`,
      message: `metadata.name must have at most ${MAX_NAME_LENGTH} characters, since other names are made from it; choose a shorter one`,
    }),
  }
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${GROUP}` },
    spec: {
      group: GROUP,
      names: { kind, listKind: `${kind}List`, plural, singular, shortNames: [shortName], categories: [CATEGORY] },
      scope: 'Namespaced',
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: columns,
          schema: { openAPIV3Schema },
        },
      ],
    },
  }
}

/** File name below `crds/` and its text. */
export function crdFiles(): Record<string, string> {
  return Object.fromEntries(
    DEFINED.map((kind) => [
      `${kind.names.singular}.yaml`,
      `# Made from operator/src/api by \`npm run generate\`.\n${stringify(definition(kind), { lineWidth: 0, aliasDuplicateObjects: false })}`,
    ]),
  )
}
