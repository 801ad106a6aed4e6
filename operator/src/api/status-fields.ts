/**
 * Parts that the statuses of several kinds share. Schemas come first and types follow from them, so that what the operator writes and what
 * the CRD lets through cannot drift. Bounds are far above what is written: a status that the API server refused would stop a controller.
 */
import Type from 'typebox'
import type { GateMetric } from '../rollout/gates.ts'
import { VERBS } from './group.ts'
import type { Reason } from './reasons.ts'
import { ATOMIC, byKey } from './rules.ts'

/** Of metav1.Condition. */
const MAX_MESSAGE_LENGTH = 32_768
const MAX_TIME_LENGTH = 64
const MAX_GATES = 32
/** Decisions that are kept. */
export const MAX_DECISIONS = 10

/**
 * A status as it is held in memory: every field is there, and what the schema lets be absent is undefined. (An object read from the API
 * server reads the same way.)
 */
export type Held<T> = T extends readonly (infer Item)[]
  ? readonly Held<Item>[]
  : T extends object
    ? { readonly [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? Held<T[K]> | undefined : Held<T[K]> }
    : T

export const text = (description: string, maxLength = MAX_MESSAGE_LENGTH) => Type.String({ maxLength, description })
/** A string of which the operator knows more than the API server has to. */
export const known = <T extends string>(description: string, maxLength = 128) =>
  Type.Unsafe<T>(Type.String({ maxLength, description }))
export const time = (description: string) => Type.String({ maxLength: MAX_TIME_LENGTH, description: `${description} RFC 3339.` })
export const millis = (description: string) => Type.Integer({ description: `${description} Milliseconds since 1970.` })
export const count = (description: string) => Type.Integer({ description })
export const amount = (description: string) => Type.Number({ description })

export const condition = <T extends string>() =>
  Type.Array(
    Type.Object({
      type: known<T>('What is claimed.', 316),
      status: Type.Enum(['True', 'False', 'Unknown'], { description: 'Whether it holds.' }),
      reason: known<Reason>('Why, in one stable word.', 1024),
      message: text('The same for people, with what to do.'),
      observedGeneration: count('The generation of the spec that this is about.'),
      lastTransitionTime: time('When the status last changed.'),
    }),
    {
      maxItems: 32,
      description: 'Ready, Reconciling and Stalled as kstatus reads them, and what else holds.',
      ...byKey('type'),
    },
  )

const subject = Type.Optional(
  Type.Enum(['canary'], {
    description: 'Set where pods of the step were compared with the rest; else the fleet was compared with the limit.',
  }),
)

export const GateReadingSchema = Type.Object({
  metric: known<GateMetric>('The gate.'),
  subject,
  verdict: Type.Enum(['Pass', 'Fail', 'NoData', 'Error'], { description: 'What the measurement says.' }),
  query: text('The question as it was asked.'),
  value: Type.Optional(amount('What was measured.')),
  threshold: amount('What is allowed.'),
  samples: amount('How many samples the value stems from.'),
  atMs: millis('When it was measured.'),
  message: text('Why the verdict is what it is.'),
})

const GateTrackSchema = Type.Object({
  metric: known<GateMetric>('The gate.'),
  subject,
  recent: Type.Array(Type.Enum(['Pass', 'Fail', 'NoData', 'Error']), {
    maxItems: 100,
    description: 'The last verdicts, newest last.',
    ...ATOMIC,
  }),
  notPassingSinceMs: Type.Optional(millis('Since when it has not passed.')),
})

const JudgementSchema = Type.Union(
  [
    Type.Object({ kind: Type.Literal('pass') }),
    Type.Object({ kind: Type.Literal('waived'), reading: GateReadingSchema }),
    Type.Object({
      kind: Type.Literal('hold'),
      why: Type.Enum(['failing', 'no-data', 'error', 'not-measured']),
      reading: Type.Optional(GateReadingSchema),
    }),
    Type.Object({
      kind: Type.Literal('fail'),
      why: Type.Enum(['failures', 'deadline']),
      reading: GateReadingSchema,
      text: text('What failed, how often.'),
    }),
  ],
  { description: 'What all gates together allow, with the measurement that decided it.' },
)

export const gateFields = {
  gates: Type.Array(GateReadingSchema, { maxItems: MAX_GATES, description: 'The newest measurement of each gate.', ...ATOMIC }),
  gateTracks: Type.Array(GateTrackSchema, {
    maxItems: MAX_GATES,
    description: 'Recent verdicts of each gate, of which m of n fail it.',
    ...ATOMIC,
  }),
  judgement: JudgementSchema,
  watchFromMs: millis('Measurements look at traffic since then at most: a step is judged by what happened after it.'),
}

/** One decision with what it saw. */
export const decisions = <T extends string>() =>
  Type.Array(
    Type.Object({
      at: time('When.'),
      phase: known<T>('The phase it was decided in.'),
      action: text('What was decided.', 128),
      reason: known<Reason>('The rule that fired.'),
      message: text('The same for people.'),
      readings: Type.Array(GateReadingSchema, { maxItems: MAX_GATES, description: 'What the gates showed.', ...ATOMIC }),
    }),
    { maxItems: MAX_DECISIONS, description: 'The last decisions, newest last.', ...ATOMIC },
  )

export const halt = Type.Object(
  {
    kind: Type.Enum(['Rollback', 'Freeze', 'Abort'], { description: 'What was done about it.' }),
    reason: known<Reason>('The rule that fired.'),
    message: text('The same for people.'),
    at: time('When.'),
    reading: Type.Optional(GateReadingSchema),
  },
  { description: 'Why it does not go on, with the measurement that caused it. Stays until a retry, or a change of the spec.' },
)

export const verbs = Type.Array(
  Type.Object({
    verb: Type.Enum([...VERBS], { description: 'The annotation, without its group.' }),
    value: text('Its value.', 1024),
    at: time('When it was taken.'),
    accepted: Type.Boolean({ description: 'false: the phase does not allow it; an event says why.' }),
    pending: Type.Boolean({ description: 'true until the annotation was seen to be gone.' }),
  }),
  { maxItems: VERBS.length, description: 'Annotations that were taken as verbs, the last of each.', ...ATOMIC },
)

export const specProblems = text('What is wrong with the spec as it is now; empty when nothing is.')

export const lastProgress = Type.Object(
  { mark: text('What last moved.', 1024), atMs: millis('When.') },
  { description: 'The progress deadline counts from there.' },
)

/** The common beginning of every status. */
export const observedGeneration = count('The generation of the spec that this status is about.')
export const message = text('What is going on, for people.')
export const pausedByVerb = Type.Boolean({ description: 'Paused by annotation; spec.paused is beside it.' })
