/**
 * The three CustomResourceDefinitions, from the operator's types. Printed as YAML into `crds/` by `npm run generate`, so that a type, its
 * validation and what the API server enforces are one thing.
 */
import { stringify } from 'yaml'
import { CrrPolicySpecSchema } from '../crrpolicy.ts'
import { MAX_NAME_LENGTH } from '../fields.ts'
import {
  CATEGORY,
  CRR_POLICY_KIND,
  GROUP,
  KINDS,
  type KindNames,
  SHARD_MIGRATION_KIND,
  TIERING_POLICY_KIND,
  VERSION,
} from '../group.ts'
import { CrrPolicyStatusSchema, TieringPolicyStatusSchema } from '../policy-status.ts'
import { cel } from '../rules.ts'
import { ShardMigrationSpecSchema } from '../shardmigration.ts'
import { ShardMigrationStatusSchema } from '../status.ts'
import { TieringPolicySpecSchema } from '../tieringpolicy.ts'
import { type Column, CRR_COLUMNS, MIGRATION_COLUMNS, TIERING_COLUMNS } from './columns.ts'
import { type JsonSchema, structural } from './structural.ts'

interface Kind {
  readonly names: KindNames
  readonly description: string
  /** Typebox schemas. */
  readonly spec: object
  readonly status: object
  readonly columns: readonly Column[]
}

const namesOf = (kind: string): KindNames => KINDS.find((each) => each.kind === kind) as KindNames

const DEFINED: readonly Kind[] = [
  {
    names: namesOf(SHARD_MIGRATION_KIND),
    description:
      'Moves the slots of a fleet from one set of shards to another while it serves, and back when a health gate fails.',
    spec: ShardMigrationSpecSchema,
    status: ShardMigrationStatusSchema,
    columns: MIGRATION_COLUMNS,
  },
  {
    names: namesOf(CRR_POLICY_KIND),
    description: 'Ships the write-ahead log of a fleet to other regions.',
    spec: CrrPolicySpecSchema,
    status: CrrPolicyStatusSchema,
    columns: CRR_COLUMNS,
  },
  {
    names: namesOf(TIERING_POLICY_KIND),
    description: 'Moves ageing records to cheaper stores, and back when they are asked for.',
    spec: TieringPolicySpecSchema,
    status: TieringPolicyStatusSchema,
    columns: TIERING_COLUMNS,
  },
]

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
      status: structural(status as JsonSchema, `${kind}.status`),
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
