/**
 * A fleet's own upgrades: the operator keeps their status as JSON in an annotation of the StatefulSet. Here it is brought into the form that
 * the custom resources have, so that `status`, `why`, `history` and the verbs work on `fleet/NAME` too.
 */
import { GROUP, type KindNames } from '@fractal-lba/operator/api/group'
import type { Status } from './objects.ts'

export const FLEET: KindNames = { kind: 'StatefulSet', plural: 'statefulsets', singular: 'fleet', shortName: 'fleet' }
export const FLEET_SELECTOR = 'app.kubernetes.io/name=fractal-lba,app.kubernetes.io/component=verifier'

const STATUS_ANNOTATION = `${GROUP}/rollout-status`

interface Sent {
  readonly phase?: string
  readonly reason?: string
  readonly message?: string
  readonly replicas?: number
  readonly updated?: number
  readonly paused?: boolean
  readonly halt?: {
    readonly reason?: string
    readonly message?: string
    readonly at?: string
    readonly reading?: Status['gates'][number]
  }
  readonly watch?: {
    readonly readings?: Status['gates']
    readonly tracks?: Status['gateTracks']
    readonly judgement?: Status['judgement']
  }
  readonly decisions?: readonly {
    readonly at?: string
    readonly action?: string
    readonly reason?: string
    readonly message?: string
    readonly reading?: Status['gates'][number]
  }[]
  readonly verbs?: Status['verbs']
}

type Reason = Status['decisions'][number]['reason']

const SETTLED = ['Idle', 'Completed']
const FAILED = ['RolledBack', 'Frozen', 'Blocked']

/** Undefined where the operator has not written it, or it cannot be read. */
export function fleetStatusOf(annotations: Readonly<Record<string, string>>, generation: number): Status | undefined {
  let sent: Sent
  try {
    sent = JSON.parse(annotations[STATUS_ANNOTATION] ?? '{}') as Sent
  } catch {
    return undefined
  }
  const { phase, reason = '', message = '', replicas = 0, updated = 0, watch, halt } = sent
  if (typeof phase !== 'string') return undefined
  const settled = SETTLED.includes(phase)
  const failed = FAILED.includes(phase)
  const judgement = watch?.judgement ?? { kind: 'hold', why: 'not-measured', reading: undefined }
  const condition = (type: string, holds: boolean) => ({ type, status: holds ? 'True' : 'False', reason, message })
  return {
    observedGeneration: generation,
    phase,
    message,
    progress: { percentage: settled ? 100 : replicas === 0 ? 0 : Math.round((updated / replicas) * 1000) / 10 },
    conditions: [
      condition('Ready', settled),
      condition('Reconciling', !settled && !failed),
      condition('Stalled', failed),
      gateCondition(judgement),
    ],
    planHash: undefined,
    paused: sent.paused ?? false,
    halt: halt && {
      kind: phase === 'Frozen' ? 'Freeze' : 'Rollback',
      reason: (halt.reason ?? '') as Reason,
      message: halt.message ?? '',
      at: halt.at ?? '',
      reading: halt.reading,
    },
    gates: watch?.readings ?? [],
    gateTracks: watch?.tracks ?? [],
    judgement,
    decisions: (sent.decisions ?? []).map((decision) => ({
      at: decision.at ?? '',
      phase,
      action: decision.action ?? '',
      reason: (decision.reason ?? '') as Reason,
      message: decision.message ?? '',
      readings: decision.reading ? [decision.reading] : [],
    })),
    verbs: sent.verbs ?? [],
    // Until the StatefulSet has taken the new revision for its own.
    reversible: phase === 'Progressing' || phase === 'Frozen',
  }
}

function gateCondition(judgement: Status['judgement']): Status['conditions'][number] {
  const type = 'GatePassed'
  switch (judgement.kind) {
    case 'pass':
      return { type, status: 'True', reason: 'GatesPassed', message: '' }
    case 'fail':
      return { type, status: 'False', reason: 'GateFailed', message: judgement.text }
    case 'waived':
      return { type, status: 'Unknown', reason: 'GateNoData', message: judgement.reading?.message ?? '' }
    case 'hold': {
      const reason = judgement.why === 'failing' ? 'GateFailed' : judgement.why === 'error' ? 'GateError' : 'GateNoData'
      return {
        type,
        status: judgement.why === 'failing' ? 'False' : 'Unknown',
        reason,
        message: judgement.reading?.message ?? '',
      }
    }
  }
}
