/** What `kubectl get` shows, and with `-o wide`. The first columns are the same for all kinds, so that `kubectl get flk` reads well. */

export interface Column {
  readonly name: string
  readonly type: 'string' | 'number' | 'boolean' | 'date'
  readonly description: string
  readonly jsonPath: string
  /** 1: with `-o wide` only. */
  readonly priority?: 1
}

const conditionField = (type: string, field: 'status' | 'reason') => `.status.conditions[?(@.type=="${type}")].${field}`

const PHASE: Column = { name: 'Phase', type: 'string', description: 'Where it stands.', jsonPath: '.status.phase' }
const PROGRESS: Column = { name: 'Progress', type: 'number', description: 'Percent.', jsonPath: '.status.progress.percentage' }
const GATE: Column = {
  name: 'Gate',
  type: 'string',
  description: 'What the health gates said last.',
  jsonPath: conditionField('GatePassed', 'reason'),
}
const REVERSIBLE: Column = {
  name: 'Reversible',
  type: 'boolean',
  description: 'Whether going back would lose nothing.',
  jsonPath: '.status.reversible',
}
const AGE: Column = { name: 'Age', type: 'date', description: 'Since its creation.', jsonPath: '.metadata.creationTimestamp' }
const PLAN: Column = { name: 'Plan', type: 'string', description: 'Hash of the plan.', jsonPath: '.status.planHash', priority: 1 }
const REASON: Column = {
  name: 'Reason',
  type: 'string',
  description: 'Why it is ready, or not.',
  jsonPath: conditionField('Ready', 'reason'),
  priority: 1,
}
const lag = (jsonPath: string): Column => ({ name: 'Lag', type: 'number', description: 'Seconds behind.', jsonPath, priority: 1 })
const ACTIVE: Column = {
  name: 'Active',
  type: 'boolean',
  description: 'Whether it is in force.',
  jsonPath: '.status.active',
  priority: 1,
}

export const MIGRATION_COLUMNS: readonly Column[] = [
  ...[PHASE, PROGRESS, GATE, REVERSIBLE, AGE],
  ...[PLAN, lag('.status.reverseLagSeconds'), REASON],
]

export const CRR_COLUMNS: readonly Column[] = [
  ...[PHASE, PROGRESS, GATE, REVERSIBLE, AGE],
  {
    name: 'Mode',
    type: 'string',
    description: 'Which tenants, between which regions.',
    jsonPath: '.spec.replicationMode',
    priority: 1,
  },
  ...[ACTIVE, PLAN, lag('.status.replicationStats.lagSeconds'), REASON],
]

export const TIERING_COLUMNS: readonly Column[] = [...[PHASE, PROGRESS, GATE, REVERSIBLE, AGE], ...[ACTIVE, PLAN, REASON]]
