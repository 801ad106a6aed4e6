/**
 * The status of a `ShardMigration`: what users read, and all that a controller remembers between two looks besides what the shards
 * say. Shards appear by id, never by address, so a status can be shown to anyone. The schema is what the CRD is made from.
 */
import Type from 'typebox'
import type { ConditionType } from './conditions.ts'
import { ATOMIC } from './rules.ts'
import * as S from './status-fields.ts'

export { MAX_DECISIONS } from './status-fields.ts'

export const PHASES = [
  'Pending',
  'Planning',
  'Copying',
  'Verifying',
  'DualWrite',
  'Cutover',
  'Cleanup',
  'Completed',
  'Failed',
  'RollingBack',
] as const
export type Phase = (typeof PHASES)[number]

export const MILESTONES = ['planned', 'copied', 'verified', 'soaked', 'cut-over', 'certified', 'cleaned'] as const
export type Milestone = (typeof MILESTONES)[number]

/** Every pair of shards that can exchange slots. */
const MAX_MOVES = 65_536
const MAX_SHARDS = 256
const shardId = (description: string) => S.text(description, 512)

const ProgressSchema = Type.Object(
  {
    keysCopied: S.count('Keys that are at their target.'),
    totalKeys: S.count('Keys that move, as estimated by the plan.'),
    bytesCopied: S.count('Bytes that are at their target.'),
    percentage: S.amount('Of the present direction, 0 to 100.'),
    estimatedTimeRemaining: S.text('Such as 1m20s; empty while it cannot be told.', 64),
  },
  { description: 'How far the migration has come.' },
)

const PlanSchema = Type.Object(
  {
    hash: S.text('Over the spec and the observed ring; what an approval has to name.', 128),
    madeAt: S.time('When it was made.'),
    slots: S.count('Slots that move.'),
    keys: S.count('Keys that move, estimated.'),
    bytes: S.count('Bytes that move, estimated.'),
    copySeconds: S.amount('How long the copy takes at throttleQPS.'),
    moves: Type.Array(
      Type.Object({
        source: shardId('From this shard.'),
        target: shardId('To this shard.'),
        slots: S.count('Slots of this move.'),
        keys: S.count('Keys of this move, estimated.'),
        bytes: S.count('Bytes of this move, estimated.'),
      }),
      { maxItems: MAX_MOVES, description: 'What moves from where to where.', ...ATOMIC },
    ),
    steps: Type.Array(Type.Number(), { maxItems: 20, description: 'Percent of the moving slots after each step.', ...ATOMIC }),
    blastRadiusPercent: S.amount('Share of all slots, and so of the traffic, that a failed cutover could touch.'),
    leaving: Type.Array(shardId('A shard.'), {
      maxItems: MAX_SHARDS,
      description: 'Shards that own nothing once the migration has completed.',
      ...ATOMIC,
    }),
    warnings: Type.Array(S.text('A warning.'), { maxItems: 64, description: 'What to know before approving.', ...ATOMIC }),
  },
  { description: 'What would be done, before anything is.' },
)

export const ShardMigrationStatusSchema = Type.Object(
  {
    observedGeneration: S.observedGeneration,
    phase: Type.Enum([...PHASES], { description: 'Where the migration stands.' }),
    message: S.message,
    progress: ProgressSchema,
    conditions: S.condition<ConditionType>(),
    attempt: S.count('Grows with each retry.'),
    migrationId: Type.Optional(
      S.text('Under which the shards know this attempt; absent before the plan was recorded there.', 256),
    ),
    plan: Type.Optional(PlanSchema),
    planHash: Type.Optional(S.text('Of the plan above: kubectl flk approve, or the annotation fractal.lba.io/approve.', 128)),
    approvedHash: Type.Optional(S.text('The plan that was approved.', 128)),
    target: Type.Object(
      {
        upTo: Type.Enum([...MILESTONES], { description: 'The milestone that may be reached.' }),
        cutoverPercent: S.amount('Percent of the moving slots that may be cut over.'),
      },
      { description: 'How far the engine may go.' },
    ),
    paused: S.pausedByVerb,
    halt: Type.Optional(S.halt),
    ...S.gateFields,
    watchedPercent: Type.Optional(S.amount('The cutover step whose watch began at watchFromMs.')),
    decisions: S.decisions<Phase>(),
    reversible: Type.Boolean({ description: 'Whether rolling back would lose nothing.' }),
    reverseLagSeconds: S.amount('How far the writes captured for the way back are behind.'),
    noReturnAnnouncedAt: Type.Optional(S.time('When the point of no return was announced; it is passed later than that.')),
    certificate: Type.Optional(
      Type.Object(
        {
          contentId: S.text('Hash of the canonical certificate.', 256),
          issuedAt: S.time('When.'),
          slots: S.count('Slots that it covers.'),
          keys: S.count('Keys that it covers.'),
        },
        { description: 'Where both sides were compared and agree; the whole is in the ConfigMap <name>-certificate.' },
      ),
    ),
    fleetConfig: Type.Optional(
      Type.Object(
        {
          shards: Type.Enum(['sources', 'union', 'targets'], { description: 'Which shards it names.' }),
          revision: S.text('Its content hash.', 128),
          slowdownMs: S.amount('Delay that writers of the moving slots get, so that the copy converges.'),
        },
        { description: 'Config that the fleet was last given.' },
      ),
    ),
    verbs: S.verbs,
    specProblems: S.specProblems,
    startedAt: Type.Optional(S.time('When something was first changed.')),
    phaseSinceMs: S.millis('When the phase was entered.'),
    endedAt: Type.Optional(S.time('When it completed or failed.')),
    lastProgress: S.lastProgress,
  },
  { description: 'What the operator observed and decided. Written by the operator only.' },
)

export type ShardMigrationStatus = S.Held<Type.Static<typeof ShardMigrationStatusSchema>>

export type Progress = ShardMigrationStatus['progress']
export type PlanStatus = NonNullable<ShardMigrationStatus['plan']>
/** One decision with what it saw. */
export type DecisionRecord = ShardMigrationStatus['decisions'][number]
/** How far the engine may go. */
export type Target = ShardMigrationStatus['target']
/** Why a migration does not go on. Stays until a retry, a change of the spec, or for ever. */
export type Halt = NonNullable<ShardMigrationStatus['halt']>
/** A verb as it was taken from the object's annotations. `pending` until the annotation was seen to be gone. */
export type VerbEcho = ShardMigrationStatus['verbs'][number]
