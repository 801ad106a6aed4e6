/** The museum: ten bugs of others that a fleet like ours walks straight into, in the order of the list that they were gathered in. */
import { BLIND_VERIFIER } from './blind-verifier.ts'
import { DELAYED_CLEAN_UP } from './delayed-clean-up.ts'
import { ENDLESS_MIGRATION } from './endless-migration.ts'
import type { Empty, Exhibit } from './exhibit.ts'
import { FAILED_OVER_SHARD } from './failed-over-shard.ts'
import { ANSWER_BEFORE_SYNC, MISSING_DIRECTORY_SYNC, TORN_TAIL_APPENDED_TO } from './lost-log.ts'
import { LOST_REPLY } from './lost-reply.ts'
import { POSITION_TOO_EARLY } from './position-too-early.ts'
import { RESURRECTED_RECORD } from './resurrected-record.ts'
import { REUSED_NAME } from './reused-name.ts'

export const MUSEUM: readonly Exhibit[] = [
  LOST_REPLY,
  DELAYED_CLEAN_UP,
  REUSED_NAME,
  RESURRECTED_RECORD,
  POSITION_TOO_EARLY,
  FAILED_OVER_SHARD,
  ENDLESS_MIGRATION,
  ANSWER_BEFORE_SYNC,
  MISSING_DIRECTORY_SYNC,
  TORN_TAIL_APPENDED_TO,
  BLIND_VERIFIER,
]

export const EMPTY_ROOMS: readonly Empty[] = [
  {
    name: 'conditional-put',
    happened: 'Of several writers that created one object name only if it was absent, several were told that they had.',
    where: 'seaweedfs#8800, localstack#13294, and #1622 of slatedb for real stores once names are deleted',
    comesWith: 'tiering to object stores',
  },
  {
    name: 'two-regions-at-once',
    happened: 'Two regions decided one key with equal timestamps, and never agreed.',
    where: 'cockroachdb/cockroach#168541',
    comesWith: 'replication between regions',
  },
]
