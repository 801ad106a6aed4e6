/** The three kinds, each with its schemas and what `kubectl get` shows of it. */
import { CrrPolicySpecSchema } from '../crrpolicy.ts'
import { CRR_POLICY_KIND, KINDS, type KindNames, SHARD_MIGRATION_KIND, TIERING_POLICY_KIND } from '../group.ts'
import { CrrPolicyStatusSchema, TieringPolicyStatusSchema } from '../policy-status.ts'
import { ShardMigrationSpecSchema } from '../shardmigration.ts'
import { ShardMigrationStatusSchema } from '../status.ts'
import { TieringPolicySpecSchema } from '../tieringpolicy.ts'
import { type Column, CRR_COLUMNS, MIGRATION_COLUMNS, TIERING_COLUMNS } from './columns.ts'

export interface Kind {
  readonly names: KindNames
  readonly description: string
  /** Typebox schemas. */
  readonly spec: object
  readonly status: object
  readonly columns: readonly Column[]
}

const namesOf = (kind: string): KindNames => KINDS.find((each) => each.kind === kind) as KindNames

export const DEFINED: readonly Kind[] = [
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
