/** `why`: the chain from a measurement to where the object stands: reading, query, threshold, rule, decision. */
import { tableLines } from '@fractal-lba/operator/cli/table'
import { figureText, plural } from './format.ts'
import { nextSteps } from './next-steps.ts'
import { type Custom, refOf, type Status } from './objects.ts'

type Reading = Status['gates'][number]

export interface Chain {
  readonly phase: string
  readonly message: string
  readonly halt: Status['halt'] | null
  readonly gates: Status['gates']
  readonly judgement: Status['judgement']
  readonly conditions: Status['conditions']
  readonly decisions: Status['decisions']
  readonly next: readonly string[]
}

export const chainOf = (object: Custom): Chain | undefined =>
  object.status && {
    phase: object.status.phase,
    message: object.status.message,
    halt: object.status.halt ?? null,
    gates: object.status.gates,
    judgement: object.status.judgement,
    conditions: object.status.conditions,
    decisions: object.status.decisions,
    next: nextSteps(object),
  }

export function whyText(object: Custom): string {
  const { status } = object
  const next = nextSteps(object)
  const nextLines = next.length === 0 ? [] : ['', 'Next', ...next.map((step) => `  ${step}`)]
  if (!status) return [`${refOf(object)} in ${object.namespace}: no status yet.`, ...nextLines].join('\n')
  const stale = status.observedGeneration !== object.generation
  return [
    `${refOf(object)} in ${object.namespace}: ${status.phase}. ${status.message}`,
    ...(stale ? ['The spec has changed since; the operator has not looked at it yet.'] : []),
    ...haltLines(status, object.spec),
    '',
    'Gates, as measured last',
    ...gateLines(status),
    '',
    'Conditions',
    ...tableLines(
      // What is said above already is not said again.
      status.conditions.map(({ type, status: value, reason, message }) => [
        type,
        value,
        reason,
        status.message.startsWith(message) ? '' : message,
      ]),
      '  ',
    ),
    '',
    'Decisions, newest last',
    ...decisionLines(status.decisions),
    ...nextLines,
  ].join('\n')
}

function haltLines({ halt, gateTracks }: Status, spec: Custom['spec']): string[] {
  if (!halt) return []
  const track = gateTracks.find((each) => halt.reading && gateName(each) === gateName(halt.reading))
  const rule = ruleText(spec)
  return [
    '',
    `${HALTS[halt.kind]} at ${halt.at}, by the rule ${halt.reason}`,
    `  ${halt.message}`,
    ...(halt.reading
      ? tableLines(
          [
            ['reading', `${gateName(halt.reading)} ${readingText(halt.reading)}`],
            ['query', halt.reading.query],
            ['threshold', String(halt.reading.threshold)],
            ...(track ? [['recent', track.recent.join(' ')]] : []),
            ...(rule ? [['rule', rule]] : []),
          ],
          '  ',
        )
      : []),
  ]
}

const HALTS = { Rollback: 'Rolled back', Freeze: 'Frozen', Abort: 'Aborted' } as const

function ruleText(spec: Custom['spec']): string | undefined {
  const gates = spec.gates as { failures?: number; of?: number; onNoData?: string } | undefined
  if (!gates) return undefined
  const failures = gates.failures ?? 2
  const of = gates.of ?? Math.max(3, failures)
  return `a gate fails at ${failures} failures of the last ${plural(of, 'measurement')}; without data: ${gates.onNoData ?? 'Hold'}`
}

function gateLines({ gates }: Status): string[] {
  if (gates.length === 0) return ['  none was measured yet']
  return tableLines(
    [
      ['GATE', 'VERDICT', 'VALUE', 'THRESHOLD', 'SAMPLES', 'QUERY'],
      ...gates.map(({ metric, subject, verdict, value, threshold, samples, query }) => [
        gateName({ metric, subject }),
        verdict,
        value === undefined ? '-' : figureText(value),
        String(threshold),
        String(samples),
        query,
      ]),
    ],
    '  ',
  )
}

function decisionLines(decisions: Status['decisions']): string[] {
  if (decisions.length === 0) return ['  none yet']
  return decisions.flatMap(({ at, phase, action, reason, message, readings }) => [
    `  ${at}  ${phase}: ${action}, by the rule ${reason}`,
    `      ${message}`,
    ...readings
      .filter(({ verdict }) => verdict !== 'Pass')
      .map((reading) => `      ${gateName(reading)} ${readingText(reading)}`),
  ])
}

/** The canary is compared with the rest of the fleet, by the same metric. */
const gateName = ({ metric, subject }: Pick<Reading, 'metric' | 'subject'>): string =>
  subject ? `${metric} (${subject})` : metric

const readingText = ({ verdict, message, samples }: Reading): string => `${verdict}: ${message} (${plural(samples, 'sample')})`
