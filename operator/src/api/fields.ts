/** Fields that the specs of several kinds share, so that what they mean, and their names, are the same everywhere. */
import Type from 'typebox'
import * as D from './defaults.ts'
import { celInBounds, DURATION_PATTERN, MAX_DURATION_LENGTH } from './duration.ts'
import { ATOMIC, cel } from './rules.ts'

const SECONDS_PER_DAY = 86_400
/** Of labels and namespaces, and so of whatever a name here is put into. */
export const MAX_NAME_LENGTH = 63
export const DNS_LABEL = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'

/** Options of a string that is such a name. */
export const dnsLabel = {
  minLength: 1,
  maxLength: MAX_NAME_LENGTH,
  pattern: DNS_LABEL,
  ...cel({
    rule: `self.matches('${DNS_LABEL}')`,
    message: 'must consist of lower-case letters, digits and dashes, with no dash at either end; correct it',
  }),
}

/** Fields that nobody reads are refused. */
export const closed = { additionalProperties: false } as const

/** With every optional field filled in. */
export type Filled<T> = { readonly [K in keyof T]-?: NonNullable<T[K]> }

export const seconds = (value: number, minimum: number, description: string) =>
  Type.Optional(Type.Number({ minimum, maximum: SECONDS_PER_DAY, default: value, description }))
export const integer = (value: number, minimum: number, maximum: number, description: string) =>
  Type.Optional(Type.Integer({ minimum, maximum, default: value, description }))

const isDuration = cel({
  rule: `self.size() >= 2 && self.matches('${DURATION_PATTERN}') && ${celInBounds('self')}`,
  message: 'must be a duration above zero and of at most ten years, such as 30s, 1h30m or 7d',
})
const durationOptions = (description: string) => ({
  pattern: DURATION_PATTERN,
  maxLength: MAX_DURATION_LENGTH,
  description: `${description} A duration such as 30s, 1h30m or 7d.`,
  ...isDuration,
})
export const duration = (description: string) => Type.String(durationOptions(description))
export const optionalDuration = (value: string, description: string) =>
  Type.Optional(Type.String({ ...durationOptions(description), default: value }))

export const GatePolicySchema = Type.Object(
  {
    windowSeconds: seconds(D.DEFAULT_GATE_WINDOW_SECONDS, 0.1, 'Traffic that one measurement looks at.'),
    intervalSeconds: seconds(D.DEFAULT_GATE_INTERVAL_SECONDS, 0.05, 'Time between two measurements.'),
    minSamples: integer(D.DEFAULT_GATE_MIN_SAMPLES, 1, 1e9, 'Fewer samples than this are NoData.'),
    // No default in the schema of these two: what is sensible for one depends on the other.
    failures: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100,
        description: `A gate fails when this many of the last \`of\` measurements failed. Default: ${D.DEFAULT_GATE_FAILURES}, or \`of\` where that is less.`,
      }),
    ),
    of: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100,
        description: `How many of the last measurements count. Default: ${D.DEFAULT_GATE_OF}, or \`failures\` where that is more.`,
      }),
    ),
    onNoData: Type.Optional(
      Type.Enum(['Hold', 'Fail', 'Pass'], {
        default: 'Hold',
        description:
          'What a measurement without (enough) samples does: wait until the progress deadline, count as a failure, or not stand in the way.',
      }),
    ),
  },
  {
    ...closed,
    description: 'How gates are measured and judged.',
    ...cel(
      {
        rule: '!has(self.failures) || !has(self.of) || self.failures <= self.of',
        message: 'must be at most gates.of, else the gate can never fail',
        fieldPath: '.failures',
      },
      {
        rule: '!has(self.intervalSeconds) || !has(self.windowSeconds) || self.intervalSeconds <= self.windowSeconds',
        message: 'must be at most gates.windowSeconds, else traffic between two measurements is never looked at',
        fieldPath: '.intervalSeconds',
      },
    ),
  },
)
type GatePolicyInput = Type.Static<typeof GatePolicySchema>
export type GatePolicy = Filled<GatePolicyInput>

export const gatePolicyWithDefaults = (gates: GatePolicyInput | undefined): GatePolicy => ({
  windowSeconds: gates?.windowSeconds ?? D.DEFAULT_GATE_WINDOW_SECONDS,
  intervalSeconds: gates?.intervalSeconds ?? D.DEFAULT_GATE_INTERVAL_SECONDS,
  minSamples: gates?.minSamples ?? D.DEFAULT_GATE_MIN_SAMPLES,
  failures: gates?.failures ?? Math.min(D.DEFAULT_GATE_FAILURES, gates?.of ?? D.DEFAULT_GATE_FAILURES),
  of: gates?.of ?? Math.max(D.DEFAULT_GATE_OF, gates?.failures ?? 0),
  onNoData: gates?.onNoData ?? 'Hold',
})

export const latencyGate = (value: number) =>
  Type.Optional(
    Type.Number({
      minimum: 0.001,
      maximum: 60_000,
      default: value,
      description: 'Limit in milliseconds of the 95th percentile of the fleet.',
    }),
  )
export const percentGate = (value: number, description: string) =>
  Type.Optional(Type.Number({ minimum: 0, maximum: 100, default: value, description }))

export const fleet = Type.Optional(
  Type.String({
    ...dnsLabel,
    description:
      'Which fleet of this namespace is meant, where there are several: the label app.kubernetes.io/instance of its StatefulSet, which is the name of its Helm release.',
  }),
)

export const approval = Type.Optional(
  Type.Enum(['Auto', 'Manual'], {
    default: 'Auto',
    description: 'Manual: nothing changes before the annotation fractal.lba.io/approve carries the plan hash.',
  }),
)

export const steps = (values: readonly number[], description: string) =>
  Type.Optional(
    Type.Array(Type.Number({ exclusiveMinimum: 0, maximum: 100 }), {
      minItems: 1,
      maxItems: 20,
      default: [...values],
      description,
      ...ATOMIC,
      ...cel(
        {
          rule: 'self[self.size() - 1] == 100.0',
          message: 'must end at 100; add it as the last step',
        },
        // Read as "no step stands at or below one that stands before it", without indexes: sorted, and no value twice.
        { rule: 'self.isSorted() && self.all(x, self.exists_one(y, y == x))', message: 'must rise from step to step' },
      ),
    }),
  )

export const onGateFailure = (description: string) => Type.Enum(['Rollback', 'Freeze'], { description })

export const progressDeadlineSeconds = seconds(
  D.DEFAULT_PROGRESS_DEADLINE_SECONDS,
  1,
  'Longest time without progress, or without an answer from a gate that holds.',
)

export const deadlineCoversWindow = {
  rule: '!has(self.progressDeadlineSeconds) || !has(self.gates) || !has(self.gates.windowSeconds) || self.progressDeadlineSeconds >= self.gates.windowSeconds',
  message: 'must be at least gates.windowSeconds, else no gate can answer in time',
  fieldPath: '.progressDeadlineSeconds',
} as const

export const deletionPolicy = (description: string) =>
  Type.Optional(Type.Enum(['Abort', 'Finish', 'Orphan'], { default: 'Abort', description }))

export const dryRun = Type.Optional(Type.Boolean({ default: false, description: 'Stop after the plan.' }))
export const paused = Type.Optional(
  Type.Boolean({ default: false, description: 'Hold where it stands; gates go on being measured.' }),
)
